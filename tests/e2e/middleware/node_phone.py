"""The phone in Node, as tests see it."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import ROOT
from tests.e2e.waiting import wait_for

_SCRIPT = Path(__file__).with_name("phone.mjs")
MODULES = ROOT / "tests" / "node"


class NodePhone:
    """Keeps what the phone tells."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._told: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def told(self) -> list[dict[str, Any]]:
        """All that it told so far."""
        with self._lock:
            return list(self._told)

    def count(self, key: str) -> int:
        """Return how often it told this kind of thing."""
        return sum(key in each for each in self.told)

    def left(self, code: str = "IC-CONE-VAN") -> float | None:
        """Return what it shows of an item at present."""
        shown = [each["left"] for each in self.told if each.get("shown") == code]
        return shown[-1] if shown else None

    def pushes(self, code: str = "IC-CONE-VAN") -> list[float]:
        """Return what was pushed to it of an item, in order."""
        return [each["left"] for each in self.told if each.get("shown") == code and each["from"] == "push"]

    def wait_for_left(self, left: float, code: str = "IC-CONE-VAN", *, within_s: float = 10.0) -> None:
        """Wait until it shows this."""
        wait_for(f"{left:g} of {code} on the phone", lambda: self.left(code) == left, within_s=within_s)

    def wait_for(self, facts: dict[str, Any], *, times: int = 1, within_s: float = 15.0) -> None:
        """Wait until it told this so often."""
        wait_for(str(facts), lambda: self.told.count(facts) >= times, within_s=within_s)

    def wait_until_current(self, times: int = 1, *, within_s: float = 15.0) -> None:
        """Wait until it has connected and caught up so often."""
        wait_for("a phone that is up to date", lambda: self.count("upToDate") >= times, within_s=within_s)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._lock:
                self._told.append(json.loads(line))


@contextmanager
def running_phone(*servers: str) -> Iterator[NodePhone]:
    """Run a phone that connects to one of the servers, and to the next one when it loses it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: the phone is written in JavaScript")
    if not (MODULES / "node_modules" / "ws").is_dir():
        pytest.skip("the npm package ws is not installed: scripts/install-test-services brings it")
    command = [node, str(_SCRIPT), str(MODULES), *servers]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield NodePhone(process)
    finally:
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
