"""A RabbitMQ server of the tests' own, that can be killed and started again; it takes some seconds to start."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import pytest

from tests.e2e.site import free_port
from tests.e2e.waiting import wait_for

_STARTS_WITHIN_S = 50.0
_ENDS_WITHIN_S = 15.0
_DEBIANS = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""What Debian's own command, which takes another user and folder, runs in the end."""
_HEADER = b"AMQP\x00\x00\x09\x01"


class RabbitServer:
    """Serves on loopback from a folder, with a port mapper of its own; nothing listens on other addresses."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self._node = f"demitasse{self.port}@localhost"
        self._mapper_port = free_port()
        self._distribution_port = free_port()
        self._mapper: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start it, and wait until it speaks."""
        assert self._process is None, "RabbitMQ runs already"
        if self._mapper is None:
            mapper = shutil.which("epmd") or "epmd"
            options = ["-port", str(self._mapper_port), "-address", "127.0.0.1"]
            self._mapper = subprocess.Popen([mapper, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        log = (self._folder / "server.log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [str(_DEBIANS) if _DEBIANS.exists() else "rabbitmq-server"],
                env=self._environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        wait_for("RabbitMQ", self._speaks, within_s=_STARTS_WITHIN_S)
        return self

    def kill(self) -> None:
        """End it at once, with the processes that it started.

        By its own signal: after SIGKILL, Debian's RabbitMQ (3.10) at times never finds a leader for a quorum queue again.
        """
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None

    def close(self) -> None:
        """Leave nothing running."""
        self.kill()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait()
            self._mapper = None

    def _environment(self) -> dict[str, str]:
        folder = str(self._folder)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("RABBITMQ_")}
        return {
            **kept,
            "HOME": folder,
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/data",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
            "RABBITMQ_CONFIG_FILE": f"{folder}/none",
            "RABBITMQ_PID_FILE": f"{folder}/pid",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        }

    def _speaks(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(_HEADER)
                return bool(connection.recv(8))
        except OSError:
            return False


@contextmanager
def running_rabbit(folder: Path) -> Iterator[RabbitServer]:
    """Run a RabbitMQ server while the block lasts."""
    if shutil.which("rabbitmq-server") is None:
        pytest.skip("rabbitmq-server is not installed")
    server = RabbitServer(folder)
    try:
        yield server.start()
    finally:
        server.close()
