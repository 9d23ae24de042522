"""The product under measurement: a fresh site with the trade app, served by ``demitasse start``."""

import http.client
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from benchmarks.payloads import webhook
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

    def start(self, command: Sequence[str] = _DEMITASSE) -> Program:
        """Start its server, to be left with ``with``; ``command`` is what runs the command line."""
        path = str(self._folder / "site")
        return Program(
            [*command, "start", "--site", path, "--port", str(self.port)], folder=self._folder, name="demitasse"
        )

    def prepare(self, server: Program, *, receiver_port: int) -> None:
        """Wait until it serves, and give it the webhook.

        Raises:
            RuntimeError: it ended, did not answer, or refused the webhook.
        """
        self.wait(server)
        self._post("/api/resource/Webhook", webhook(f"http://127.0.0.1:{receiver_port}/hook"))

    @property
    def database(self) -> Path:
        """The site's database file."""
        return self._folder / "site" / "site.db"

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
