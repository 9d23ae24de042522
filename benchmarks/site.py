"""The product under measurement: a fresh site with the trade app, served by ``demitasse start``."""

import copy
import http.client
import shutil
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import orjson

from benchmarks.payloads import WEBHOOK, webhook
from benchmarks.programs import Program, run

_DEMITASSE = [sys.executable, "-c", "from demitasse.cli.main import main; main()"]
_READY_S = 30.0


class Site:
    """A site, its server and the credentials of its Administrator."""

    def __init__(self, folder: Path, *, app: str = "trade", settings: Sequence[str] = ()) -> None:
        options = ["--app", app, "--set", 'webhook_allow_hosts=["127.0.0.0/8"]']
        options += [part for setting in settings for part in ("--set", setting)]
        made = orjson.loads(run([*_DEMITASSE, "new-site", str(folder / "site"), *options, "--json"]))
        self.headers = {
            "Authorization": f"token {made['api_key']}:{made['api_secret']}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self._folder = folder
        self.port = _free_port()

    def copy(self, folder: Path) -> Self:
        """Return a copy in another folder, with the same credentials; nobody may serve this one."""
        shutil.copytree(self._folder / "site", folder / "site")
        copied = copy.copy(self)
        copied._folder = folder  # noqa: SLF001 - one of its own kind
        copied.port = _free_port()
        return copied

    def start(
        self, command: Sequence[str] = _DEMITASSE, *, environ: Mapping[str, str] = MappingProxyType({})
    ) -> Program:
        """Start its server, to be left with ``with``; ``command`` is what runs the command line."""
        path = str(self._folder / "site")
        return Program(
            [*command, "start", "--site", path, "--port", str(self.port)],
            folder=self._folder,
            name="demitasse",
            environ=environ,
        )

    def prepare(self, server: Program, *, receiver_port: int) -> None:
        """Wait until it serves, and give it the webhook.

        Raises:
            RuntimeError: it ended, did not answer, or refused the webhook.
        """
        self.wait(server)
        self.add_webhook(WEBHOOK, port=receiver_port)

    def add_webhook(self, name: str, *, port: int) -> None:
        """Give it a webhook that sends each new Lead to a port; it must be served.

        Raises:
            RuntimeError: it refused.
        """
        self._post("/api/resource/Webhook", webhook(name, f"http://127.0.0.1:{port}/hook"))

    def insert(self, doctype: str, values: dict[str, Any]) -> None:
        """Make a document; the site must be served.

        Raises:
            RuntimeError: it refused.
        """
        self._post(f"/api/resource/{doctype}", values)

    @property
    def database(self) -> Path:
        """The site's database file."""
        return self._folder / "site" / "site.db"

    def metrics_s(self) -> float:
        """Return how long ``/metrics`` takes.

        Raises:
            RuntimeError: it did not answer with 200.
        """
        began_s = time.perf_counter()
        status, answer = self._ask("GET", "/metrics", None)
        if status != 200:
            message = f"/metrics was answered with {status}: {answer[:500]!r}"
            raise RuntimeError(message)
        return time.perf_counter() - began_s

    def wait(self, server: Program) -> None:
        """Wait until it serves.

        Raises:
            RuntimeError: it ended, or did not answer.
        """
        until_s = time.perf_counter() + _READY_S
        while not self._is_alive():
            if not server.is_running or time.perf_counter() > until_s:
                message = f"demitasse start does not serve; it said: {server.said()}"
                raise RuntimeError(message)
            time.sleep(0.05)

    def _is_alive(self) -> bool:
        try:
            return self._ask("GET", "/healthz", None)[0] == 200
        except OSError:
            return False

    def _post(self, path: str, values: dict[str, Any]) -> None:
        status, answer = self._ask("POST", path, orjson.dumps(values))
        if status != 200:
            message = f"POST {path} was answered with {status}: {answer[:2000].decode(errors='replace')}"
            raise RuntimeError(message)

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, self.headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
