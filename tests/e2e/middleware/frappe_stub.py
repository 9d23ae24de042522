"""A site that answers as a real Frappe did in the recorded exchanges, and can misbehave as real ones do."""

import http.server
import json
import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

_RECORDED = Path(__file__).parents[1] / "recorded"
KEY, SECRET = "stub-key", "stub-secret"
ITEMS = 1234


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer.

    Args:
        cut_after: The connection is closed after so many bytes of the body.
        is_late: It comes only when the stub is released.
    """

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    is_late: bool = False


def recorded(file: str, name: str) -> dict[str, Any]:
    """Return what Frappe answered in an exchange."""
    exchanges = json.loads((_RECORDED / f"{file}.json").read_text())
    found: dict[str, Any] = next(each["response"] for each in exchanges if each["name"] == name)
    return found


def as_recorded(file: str, name: str, *, says: str | None = None) -> Said:
    """Return the answer of a recorded exchange; its keys are Frappe's, the texts are ours."""
    response = recorded(file, name)
    body = dict(response["body"])
    title = {"message": says, "title": "Message", "indicator": "red", "raise_exception": 1}
    for key in response["keys"]:
        body.setdefault(
            key,
            {
                "_server_messages": json.dumps([json.dumps(title)]),
                "exc": json.dumps(['Traceback (most recent call last):\n  File "apps/frappe/secret.py", line 7']),
                "exception": f"frappe.exceptions.{body.get('exc_type')}: {says}",
                "_error_message": says,
            }.get(key),
        )
    return Said(status=response["status"], body=json.dumps(body).encode())


HTML_500 = Said(
    status=500, body=b"<!DOCTYPE html><title>Server Error</title><pre>Traceback ...</pre>", content_type="text/html"
)
PROXY_502 = Said(status=502, body=b"<html><title>502 Bad Gateway</title></html>", content_type="text/html")
LOGIN_PAGE = Said(body=b"<!DOCTYPE html><title>Login</title>", content_type="text/html")


class FrappeStub:
    """Has items and takes orders. ``misbehave`` is asked first and may answer instead."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.orders: list[dict[str, Any]] = []
        self.misbehave: Callable[[Asked], Said | None] = lambda _: None
        self.loses_answers = False
        self._released = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def reset(self) -> None:
        """Be well, and forget what was asked and ordered."""
        self.release()
        self._released.clear()
        self.misbehave = lambda _: None
        self.loses_answers = False
        self.asked.clear()
        self.orders.clear()

    def release(self) -> None:
        """Let the late answers out."""
        self._released.set()

    def count(self, method: str, doctype: str) -> int:
        """Return how many such requests came."""
        return sum(each.method == method and each.path == f"/api/resource/{doctype}" for each in self.asked)

    def answer(self, asked: Asked) -> Said:
        """Return what is answered."""
        self.asked.append(asked)
        said = self.misbehave(asked) or self._behave(asked)
        if said.is_late:
            self._released.wait(5)
        return said

    def _behave(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"token {KEY}:{SECRET}":
            return as_recorded("errors", "bad token")
        match asked.method, asked.path:
            case "GET", "/api/resource/Item":
                return self._list(asked, [_item(number) for number in range(ITEMS)])
            case "GET", "/api/resource/Sales%20Order":
                (field_name, _, value), *_ = json.loads(asked.query["filters"])
                return self._list(asked, [order for order in self.orders if order.get(field_name) == value])
            case "POST", "/api/resource/Sales%20Order":
                return self._insert(asked)
            case _:
                return as_recorded("errors", "404 doc", says="not found")

    def _list(self, asked: Asked, rows: list[dict[str, Any]]) -> Said:
        fields = json.loads(asked.query["fields"])
        start, length = int(asked.query.get("limit_start", 0)), int(asked.query.get("limit_page_length", 20))
        page = rows[start : start + length] if length else rows[start:]
        return Said(body=json.dumps({"data": [{name: row.get(name) for name in fields} for row in page]}).encode())

    def _insert(self, asked: Asked) -> Said:
        made = {**recorded("document", "create with docstatus 1")["body"]["data"], **asked.json}
        made.update(name=f"SAL-ORD-2026-{len(self.orders) + 1:05}", grand_total=160.0)
        self.orders.append(made)
        if self.loses_answers:
            self.loses_answers = False
            return Said(body=json.dumps({"data": made}).encode(), cut_after=25)
        return Said(body=json.dumps({"data": made}).encode())


def _item(number: int) -> dict[str, Any]:
    body: dict[str, Any] = recorded_item()
    return {**body, "name": f"ITEM-{number:05}", "item_code": f"ITEM-{number:05}", "item_name": f"Widget {number}"}


def recorded_item() -> dict[str, Any]:
    """Return the item that Frappe answered with."""
    if not _ITEM:
        _ITEM.update(recorded("document", "get one")["body"]["data"])
    return _ITEM


_ITEM: dict[str, Any] = {}


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    stub: FrappeStub

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who was slow enough to be left has gone."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _take(self) -> None:
        parts = urlsplit(self.path)
        said = self.server.stub.answer(
            Asked(
                method=self.command,
                path=parts.path,
                query={name: values[-1] for name, values in parse_qs(parts.query).items()},
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
        )
        self.send_response(said.status)
        self.send_header("Content-Type", said.content_type)
        self.send_header("Content-Length", str(len(said.body)))
        for name, value in said.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if said.cut_after is None:
            self.wfile.write(said.body)
        else:
            self.wfile.write(said.body[: said.cut_after])
            self.wfile.flush()
            self.close_connection = True

    do_GET = do_POST = do_PUT = _take  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""
