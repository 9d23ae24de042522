"""The storefront's side: orders, their signatures, and the script in Node that sends them."""

import hashlib
import hmac
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

from tests.e2e.site import Answer, Client

SECRET = "what the storefront signs with: ₹"
WEATHER_KEY = "an-openweather-key-that-nobody-may-see"
RECEIVE = "/api/method/scoopjoy.api.storefront.receive_order"
STORES = "Stores - SJF"
ADDRESS = {"line1": "12 MG Road", "city": "Pune", "state": "Maharashtra", "pincode": "411001"}
_SCRIPT = Path(__file__).with_name("storefront.mjs")
_SERIAL = itertools.count(1)


def an_order(**changes: Any) -> dict[str, Any]:
    """Return an order of a customer that no other test knows; a change to ``...`` leaves the field out."""
    number = next(_SERIAL)
    order: dict[str, Any] = {
        "customer_email": f"customer{number}@example.com",
        "customer_name": f"Customer {number}",
        "items": [{"sku": "IC-CONE-VAN", "quantity": 2}, {"sku": "IC-SUN-FUDGE", "quantity": 1}],
        "delivery_address": ADDRESS,
    }
    order.update(changes)
    return {key: value for key, value in order.items() if value is not ...}


def signature(body: bytes) -> str:
    """Return the hex HMAC-SHA256 of a body."""
    return hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()


def send(client: Client, order: Mapping[str, Any], **headers: str) -> Answer:
    """Send a signed order."""
    body = json.dumps(order).encode()
    marks = {"Content-Type": "application/json", "X-Storefront-Signature": signature(body)}
    return client.post(RECEIVE, body=body, headers={**marks, **headers})


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAnswer:
    """What ``fetch`` was answered."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.text)

    @property
    def told(self) -> str:
        """What an error says to people."""
        return " ".join(json.loads(said)["message"] for said in json.loads(self.json.get("_server_messages") or "[]"))


class NodeStorefront:
    """The script in ``storefront.mjs``, pointed at a site."""

    def __init__(self, url: str, lines_in: IO[bytes], lines_out: IO[bytes]) -> None:
        self._url = url + RECEIVE
        self._in = lines_in
        self._out = lines_out

    def send(self, order: Mapping[str, Any], **options: Any) -> NodeAnswer:
        """Send an order; ``signature`` replaces the right one, ``headers`` come on top."""
        return self.send_text(json.dumps(order, ensure_ascii=False), **options)

    def send_text(self, body: str, **options: Any) -> NodeAnswer:
        """Send a body as it stands."""
        line = json.dumps({"url": self._url, "secret": SECRET, "body": body, **options})
        self._in.write(line.encode() + b"\n")
        self._in.flush()
        answer = json.loads(self._out.readline())
        assert "error" not in answer, answer
        return NodeAnswer(status=answer["status"], text=answer["text"])


@contextmanager
def running_storefront(url: str) -> Iterator[NodeStorefront]:
    """Start the script; a test that needs it is skipped where Node is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the storefront is written for it")
    with subprocess.Popen([node, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield NodeStorefront(url, process.stdin, process.stdout)
        finally:
            process.kill()
