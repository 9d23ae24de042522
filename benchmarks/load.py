"""The load generator, a process of its own: plays one ``Plan`` (a line of JSON on standard input) and reports.

With ``per_second`` it is an open loop: requests leave at random moments of that rate (Poisson), whether or not earlier
ones were answered. Without, each connection sends its next request when its last one was answered.
"""

import asyncio
import contextlib
import random
import resource
import sys
import time
from collections import deque
from typing import Any

import msgspec
import uvloop
from typing_extensions import override

from benchmarks.framing import body_range
from benchmarks.payloads import SERIAL

_LAST_ANSWER_S = 10.0


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to send, to whom, and how fast."""

    port: int
    method: str
    path: str
    headers: dict[str, str]
    body: str = ""
    connections: int = 32
    seconds: float
    per_second: float = 0.0
    first_serial: int = 0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a plan. Moments are monotonic nanoseconds."""

    answered: int
    refused: int
    unanswered: int
    first_refusal: str
    began_ns: int
    ended_ns: int
    cpu_s: float
    latencies_us: list[int]
    sent: list[tuple[int, int]]
    """Serial and moment of sending of each request that was answered with a 2xx."""


class Request:
    """Makes the bytes of the requests of a plan."""

    def __init__(self, plan: Plan) -> None:
        length = len(plan.body.replace(SERIAL, "123456789").encode())
        lines = [f"{plan.method} {plan.path} HTTP/1.1", f"Host: 127.0.0.1:{plan.port}"]
        lines += [f"{name}: {value}" for name, value in plan.headers.items()]
        if plan.body:
            lines.append(f"Content-Length: {length}")
        head = "\r\n".join(lines) + "\r\n\r\n"
        before, serial, after = (head + plan.body).partition(SERIAL)
        self._before = before.encode()
        self._after = after.encode()
        self._has_serial = bool(serial)

    def numbered(self, serial: int) -> bytes:
        """Return the bytes of the request with this number."""
        if self._has_serial:
            return b"%s%09d%s" % (self._before, serial, self._after)
        return self._before


class Connection(asyncio.Protocol):
    """One connection to the server, with at most one request under way."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._transport: Any = None
        self._rest = b""
        self.serial = 0
        self.due_ns = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._load.broke(exc)

    def send(self, request: bytes) -> None:
        """Send a request."""
        self._transport.write(request)

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    @override
    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        found = body_range(data)
        if found is None:
            self._rest = data
            return
        self._rest = data[found[1] :]
        self._load.answered(self, data)


class Load:
    """A plan under way."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._request = Request(plan)
        self._loop = asyncio.get_running_loop()
        self._serial = plan.first_serial
        self._free: list[Connection] = []
        self._overdue: deque[int] = deque()
        self._under_way = 0
        self._is_over = False
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._until_ns = 0
        self._refused = 0
        self._first_refusal = ""
        self._latencies_us: list[int] = []
        self._sent: list[tuple[int, int]] = []
        self._random = random.Random(plan.first_serial)

    async def play(self) -> Report:
        """Play the plan; ends when the last request is answered."""
        plan = self._plan
        for _ in range(plan.connections):
            _, connection = await self._loop.create_connection(lambda: Connection(self), "127.0.0.1", plan.port)
            self._free.append(connection)
        connections = tuple(self._free)
        cpu_s = _cpu_s()
        began_ns = time.monotonic_ns()
        self._until_ns = began_ns + int(plan.seconds * 1e9)
        if plan.per_second:
            self._wait_for_next(began_ns)
        else:
            while self._free:
                self._send(self._free.pop(), time.monotonic_ns())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._done, plan.seconds + _LAST_ANSWER_S)
        report = Report(
            answered=len(self._sent),
            refused=self._refused,
            unanswered=self._under_way + len(self._overdue),
            first_refusal=self._first_refusal,
            began_ns=began_ns,
            ended_ns=time.monotonic_ns(),
            cpu_s=_cpu_s() - cpu_s,
            latencies_us=self._latencies_us,
            sent=self._sent,
        )
        self._is_over = True
        for connection in connections:
            connection.close()
        return report

    def answered(self, connection: Connection, answer: bytes) -> None:
        """Take the answer to what a connection sent, and give it its next request."""
        now_ns = time.monotonic_ns()
        self._under_way -= 1
        if answer[9:10] == b"2":
            self._sent.append((connection.serial, connection.due_ns))
            self._latencies_us.append((now_ns - connection.due_ns) // 1000)
        else:
            self._refused += 1
            self._first_refusal = self._first_refusal or answer[:1000].decode(errors="replace")
        if self._overdue:
            self._send(connection, self._overdue.popleft())
        elif self._plan.per_second or now_ns >= self._until_ns:
            self._free.append(connection)
            self._end_if_done()
        else:
            self._send(connection, now_ns)

    def broke(self, error: Exception | None) -> None:
        """Take the end of a connection, which is an error unless the plan is over."""
        if not self._is_over and not self._done.done():
            self._done.set_exception(ConnectionError(f"The server closed a connection ({error})"))

    def _send(self, connection: Connection, due_ns: int) -> None:
        connection.serial = serial = self._serial
        connection.due_ns = due_ns
        self._serial = serial + 1
        self._under_way += 1
        connection.send(self._request.numbered(serial))

    def _wait_for_next(self, last_ns: int) -> None:
        next_ns = last_ns + int(self._random.expovariate(self._plan.per_second) * 1e9)
        if next_ns >= self._until_ns:
            self._until_ns = 0
            self._end_if_done()
            return
        delay_s = max(0.0, (next_ns - time.monotonic_ns()) / 1e9)
        self._loop.call_later(delay_s, self._let_go, next_ns)

    def _let_go(self, planned_ns: int) -> None:
        # The loop's timers are a millisecond coarse: the request counts from when it could leave, not from the plan.
        now_ns = time.monotonic_ns()
        if self._free:
            self._send(self._free.pop(), now_ns)
        else:
            self._overdue.append(now_ns)
        self._wait_for_next(planned_ns)

    def _end_if_done(self) -> None:
        sends_no_more = not self._plan.per_second or self._until_ns == 0
        if sends_no_more and not self._under_way and not self._overdue and not self._done.done():
            self._done.set_result(None)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _play(plan: Plan) -> Report:
    return await Load(plan).play()


if __name__ == "__main__":
    decided = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_play(decided))))
    sys.stdout.buffer.flush()
