"""Fan-out: the engine of live push beside a bare loop over WebSockets, and beside a client that does not read."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.programs import Program, module
from benchmarks.report import Finding, paired
from benchmarks.study import Setting, told

_SIZES: Final = (1_000, 5_000)
_DELIVERIES_PER_S: Final = 30_000
"""About what a round of a second sends: the messages are this over the clients."""
_PACED_SHARE: Final = 0.25
"""Of the bare loop's rate, at which delays are measured: a queue would measure itself."""
_WITHIN_S: Final = 60.0
_PAD: Final = 40
_ITEMS: Final = 500
_TURNS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one server did in one turn."""

    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    lost: int
    memory_mb: float


class Arena:
    """A server with its clients."""

    def __init__(self, server: Program, clients: Program, *, count: int) -> None:
        self.server = server
        self._clients = clients
        self._count = count

    def send(self, messages: int, *, gap_s: float = 0.0) -> dict[str, Any]:
        """Have messages sent, and return what arrived, with the seconds from the first to the last."""
        _ask(self._clients, do="reset")
        began_s = time.monotonic()
        _ask(self.server, count=messages, gap_s=gap_s, pad=_PAD, items=_ITEMS)
        seen = _ask(self._clients, do="wait", count=messages, within_s=_WITHIN_S)
        return {**seen, "seconds": seen["at"] - began_s}

    def measure(self, *, seconds: float) -> Round:
        """Measure rate and delay."""
        messages = max(5, int(seconds * _DELIVERIES_PER_S / self._count))
        before_s = self.server.cpu_s()
        fast = self.send(messages)
        spent_s = self.server.cpu_s() - before_s
        gap_s = self._count / (_DELIVERIES_PER_S * _PACED_SHARE)
        paced = self.send(max(3, int(seconds / gap_s)), gap_s=gap_s)
        return Round(
            per_second=messages * self._count / fast["seconds"],
            cpu_us=spent_s * 1e6 / (messages * self._count),
            p50_ms=paced["p50_ms"],
            p99_ms=paced["p99_ms"],
            lost=fast["lost"] + paced["lost"],
            memory_mb=self.server.memory_mb()[0],
        )


@contextlib.contextmanager
def arena(kind: str, folder: Path, *, count: int, slow: int = 0) -> Iterator[Arena]:
    """Start a server and connect clients to it, some of which do not read."""
    name = f"{kind}-{count}-{slow}-{time.monotonic_ns()}"
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Program(module("fan_out_server", kind), folder=folder, name=f"server-{name}"))
        port = server.line()["port"]
        command = module("fan_out_clients", str(port), str(count), str(slow))
        clients = stack.enter_context(Program(command, folder=folder, name=f"clients-{name}"))
        assert clients.line()["connected"] == count + slow
        until_s = time.monotonic() + _WITHIN_S
        while _ask(server, do="look")["connections"] < count + slow:
            assert time.monotonic() < until_s, "not all clients were served"
        yield Arena(server, clients, count=count)


def fan_out(setting: Setting) -> list[Finding]:
    """Measure both servers in turns, at two sizes; then the engine with and without a client that does not read."""
    found: list[Finding] = []
    for count in _SIZES:
        with arena("bare", setting.folder, count=count) as bare, arena("live", setting.folder, count=count) as live:
            rounds = _in_turns({"bare": bare, "live": live}, setting, what=f"{count:,} clients")
            found += _compared(count, rounds["bare"], rounds["live"])
    with (
        arena("live", setting.folder, count=_SIZES[0]) as alone,
        arena("live", setting.folder, count=_SIZES[0], slow=1) as beside,
    ):
        before_mb = beside.server.memory_mb()[0]
        assert _ask(beside.server, fill=True)["slow"] == 1
        rounds = _in_turns({"alone": alone, "beside": beside}, setting, what="one that does not read")
        assert _ask(beside.server, do="look")["slow"] == 1, "it reads after all"
        grown_mb = beside.server.memory_mb()[0] - before_mb
    return [*found, *_slow_one(rounds["alone"], rounds["beside"], grown_mb)]


def _in_turns(places: dict[str, Arena], setting: Setting, *, what: str) -> dict[str, list[Round]]:
    """Measure both, a little at a time and one after the other: what else the machine does then hits both alike."""
    rounds: dict[str, list[Round]] = {kind: [] for kind in places}
    for turn in range(setting.rounds * _TURNS):
        for kind, place in places.items():
            taken = place.measure(seconds=setting.seconds / _TURNS)
            if turn:  # The first is for warming up.
                rounds[kind].append(taken)
    for kind, all_taken in rounds.items():
        rate, delay = (
            statistics.median(values) for values in zip(*((t.per_second, t.p99_ms) for t in all_taken), strict=True)
        )
        setting.tell(f"{what}, {kind}: {rate:,.0f}/s, p99 {delay:.1f} ms")
    return rounds


def _compared(count: int, bare: list[Round], live: list[Round]) -> list[Finding]:
    rates = [each.per_second for each in live]
    bare_rates = [each.per_second for each in bare]
    delays = [each.p99_ms for each in live]
    bare_delays = [each.p99_ms for each in bare]
    size = f"{count:,} clients"
    lost = sum(each.lost for each in live)
    return [
        told(f"Fan-out to {size}, messages delivered per second", rates),
        told(f"Fan-out to {size}, bare loop", bare_rates),
        paired(f"Fan-out to {size} : bare loop", rates, bare_rates, aim=0.7, less_is_better=False),
        told(f"Fan-out to {size}, CPU of the server for each, us", [each.cpu_us for each in live], digits=1),
        paired(
            f"Fan-out to {size}, CPU : bare loop",
            [each.cpu_us for each in live],
            [each.cpu_us for each in bare],
            aim=1.4,
            less_is_better=True,
        ),
        told(f"Fan-out to {size}, p99, ms", delays, digits=1),
        told(f"Fan-out to {size}, p99 of the bare loop, ms", bare_delays, digits=1),
        paired(f"Fan-out to {size}, p99 : bare loop", delays, bare_delays, aim=1.4, less_is_better=True),
        told(f"Fan-out to {size}, memory of the server, MB", [each.memory_mb for each in live]),
        Finding(what=f"Fan-out to {size}, messages lost", value=lost, aim=0, less_is_better=True),
    ]


def _slow_one(alone: list[Round], beside: list[Round], grown_mb: float) -> list[Finding]:
    size = f"{_SIZES[0]:,} clients"
    return [
        paired(
            f"Fan-out to {size}: one more that does not read : without",
            [each.per_second for each in beside],
            [each.per_second for each in alone],
            aim=0.9,
            less_is_better=False,
        ),
        paired(
            f"Fan-out to {size}, CPU: one more that does not read : without",
            [each.cpu_us for each in beside],
            [each.cpu_us for each in alone],
            aim=1.2,
            less_is_better=True,
        ),
        paired(
            f"Fan-out to {size}, p99: one more that does not read : without",
            [each.p99_ms for each in beside],
            [each.p99_ms for each in alone],
            aim=1.2,
            less_is_better=True,
        ),
        Finding(
            what="Fan-out beside a client that does not read, messages lost by the others",
            value=sum(each.lost for each in beside),
            aim=0,
            less_is_better=True,
        ),
        told("Fan-out: memory that filling it took (kept messages included), MB", [grown_mb], digits=1),
    ]


def _ask(program: Program, **command: Any) -> dict[str, Any]:
    return program.ask(orjson.dumps(command).decode())
