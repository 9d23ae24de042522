"""A Redis server of a test's own, that can be killed and started again."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.site import free_port
from tests.e2e.waiting import wait_for

_TIMEOUT_S = 20.0


class RedisServer:
    """Serves on loopback from a folder; with ``keeps`` every write is on disk before it is answered."""

    def __init__(self, folder: Path, *, keeps: bool) -> None:
        self._folder = folder
        self._keeps = keeps
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until it answers."""
        assert self._process is None, "Redis runs already"
        options = ["--appendonly", "yes", "--appendfsync", "always"] if self._keeps else ["--save", ""]
        self._process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
        )
        wait_for("Redis", self._answers)
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_TIMEOUT_S)
            self._process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running_redis(folder: Path, *, keeps: bool = False) -> Iterator[RedisServer]:
    """Run a Redis server while the block lasts."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(folder, keeps=keeps)
    try:
        yield server.start()
    finally:
        server.kill()
