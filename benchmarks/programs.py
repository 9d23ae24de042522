"""Child processes: started, asked, weighed and ended."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import msgspec
import orjson

from benchmarks.load import Plan, Report

ROOT = Path(__file__).resolve().parent.parent
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_END_S = 15.0


def environment() -> dict[str, str]:
    """Return the environment of our processes: this checkout's sources and apps come first."""
    own = [ROOT, ROOT / "src", *sorted((ROOT / "apps").glob("*/"))]
    inherited = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, own), *filter(None, [inherited])])}


class Program:
    """A process that runs until it is left; what it has used is read from ``/proc``."""

    def __init__(
        self, command: Sequence[str], *, folder: Path, name: str, environ: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._log = (folder / f"{name}.log").open("wb")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**environment(), **environ},
            cwd=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def said(self) -> str:
        """Return the end of what it wrote to standard error."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")[-3000:]

    def line(self) -> dict[str, Any]:
        """Return its next line, a JSON object.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self._process.stdout is not None
        text = self._process.stdout.readline()
        if not text:
            message = f"{self._process.args!r} ended; it said: {self.said()}"
            raise RuntimeError(message)
        answer: dict[str, Any] = orjson.loads(text)
        return answer

    def ask(self, command: str) -> dict[str, Any]:
        """Give it a command and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()
        return self.line()

    def cpu_s(self) -> float:
        """Return the seconds of CPU that it has used, in its own code and in the kernel (10 ms coarse)."""
        text = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def memory_mb(self) -> tuple[float, float]:
        """Return its resident memory, now and at its peak."""
        sizes = {"VmRSS": 0.0, "VmHWM": 0.0}
        for line in Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key in sizes:
                sizes[key] = int(value.split()[0]) / 1024
        return sizes["VmRSS"], sizes["VmHWM"]


def module(name: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the benchmarks."""
    return [sys.executable, "-m", f"benchmarks.{name}", *arguments]


def run(command: Sequence[str], *, text: bytes = b"") -> bytes:
    """Run a command to its end and return what it printed.

    Raises:
        RuntimeError: it failed, or printed nothing; the message is what it said.
    """
    # Files, as a report may be larger than a pipe holds: a program must never wait for its reader.
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as said:
        done = subprocess.run(
            command, input=text, stdout=printed, stderr=said, env=environment(), cwd=ROOT, check=False
        )
        printed.seek(0)
        answer = printed.read()
        if done.returncode or not answer.strip():
            said.seek(0)
            words = said.read().decode(errors="replace")[-3000:]
            message = f"{' '.join(command[:4])} ended with {done.returncode} and said: {words or 'nothing'}"
            raise RuntimeError(message)
        return answer


def play(plan: Plan) -> Report:
    """Have a load generator of its own process play a plan.

    Raises:
        RuntimeError: the server refused, left out an answer, or closed a connection.
    """
    report = msgspec.json.decode(run(module("load"), text=msgspec.json.encode(plan) + b"\n"), type=Report)
    if report.refused or report.unanswered:
        message = f"{report.refused} refused, {report.unanswered} unanswered; the first: {report.first_refusal}"
        raise RuntimeError(message)
    return report
