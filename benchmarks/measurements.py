"""What is measured: each function is one round of one benchmark and returns a ``Sample``."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from benchmarks.load import Plan, Report
from benchmarks.payloads import LEAD, LEAD_PATH, LIST_PATH
from benchmarks.programs import Program, module, play, run
from benchmarks.site import Site

_JSON: Final = {"Content-Type": "application/json"}
JSON_LEAD: Final = orjson.dumps(LEAD).decode()
_DRAIN_S = 60.0
_PACE_PER_S = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One round. ``per_second`` counts whole units: a Lead that was accepted and has arrived, a list, a post.

    ``cpu_us`` is what the measured process spent per unit, ``load_cpu`` and ``receiver_cpu`` the shares of a core that
    its counterparts took: one near 1 would mean that they were measured.
    """

    per_second: float
    cpu_us: float
    load_cpu: float
    receiver_cpu: float = 0.0
    latency_ms: tuple[float, float] = (0.0, 0.0)
    arrival_ms: tuple[float, float] = (0.0, 0.0)
    memory_mb: float = 0.0
    peak_mb: float = 0.0
    units: int = 0
    lost: int = 0
    repeated: int = 0


@dataclass(slots=True, kw_only=True)
class Bench:
    """The processes of a run. ``serial`` numbers the requests, so that none of two rounds are alike."""

    receiver: Program
    receiver_port: int
    bare: Program | None = None
    bare_port: int = 0
    site: Site | None = None
    server: Program | None = None
    shop: Site | None = None
    shop_server: Program | None = None
    backlog: Site | None = None
    mobile: object = None
    """What `benchmarks.mobile` runs; it knows its type."""
    serial: int = field(default=0)

    def take_serials(self) -> int:
        """Return the first number of a block that is used by nobody else."""
        self.serial += 1_000_000
        return self.serial


Measurement = Callable[[Bench, float], Sample]


def bare_insert(bench: Bench, seconds: float) -> Sample:
    """Post Leads to bare ASGI and raw sqlite3."""
    plan = Plan(port=bench.bare_port, method="POST", path=LEAD_PATH, headers=_JSON, body=JSON_LEAD, seconds=seconds)
    return served(bench.bare, plan)


def bare_list(bench: Bench, seconds: float) -> Sample:
    """Ask bare ASGI and raw sqlite3 for the list."""
    return served(bench.bare, Plan(port=bench.bare_port, method="GET", path=LIST_PATH, headers={}, seconds=seconds))


def bare_post(bench: Bench, seconds: float) -> Sample:
    """Post the webhook's bytes with raw libcurl."""
    url = f"http://127.0.0.1:{bench.receiver_port}/hook"
    receiver_cpu_s = bench.receiver.cpu_s()
    report = orjson.loads(run(module("bare_posts", url, str(seconds), str(bench.take_serials()))))
    receiver_cpu_s = bench.receiver.cpu_s() - receiver_cpu_s
    came = bench.receiver.ask("take")["distinct"]
    return Sample(
        per_second=came / report["seconds"],
        cpu_us=report["cpu_s"] / came * 1e6,
        load_cpu=0.0,
        receiver_cpu=receiver_cpu_s / report["seconds"],
        memory_mb=report["rss_mb"],
        peak_mb=report["rss_mb"],
        units=came,
        lost=report["posted"] - came,
    )


def product_list(bench: Bench, seconds: float) -> Sample:
    """Ask the site for the list."""
    site = _site(bench)
    plan = Plan(port=site.port, method="GET", path=LIST_PATH, headers=site.headers, seconds=seconds)
    return served(bench.server, plan)


def product_leads(bench: Bench, seconds: float) -> Sample:
    """Post Leads to the site as fast as it takes them, and wait until each has arrived at the receiver."""
    return _delivered(bench, seconds=seconds, per_second=0.0)


def product_arrival(bench: Bench, seconds: float) -> Sample:
    """Post Leads at an even rate that is far below the limit: how long until they arrive."""
    return _delivered(bench, seconds=seconds, per_second=_PACE_PER_S)


def served(server: Program | None, plan: Plan) -> Sample:
    """Play a plan against a server, and weigh it meanwhile."""
    assert server is not None
    cpu_s = server.cpu_s()
    report = play(plan)
    cpu_s = server.cpu_s() - cpu_s
    elapsed_s = (report.ended_ns - report.began_ns) / 1e9
    memory_mb, peak_mb = server.memory_mb()
    return Sample(
        per_second=report.answered / elapsed_s,
        cpu_us=cpu_s / report.answered * 1e6,
        load_cpu=report.cpu_s / elapsed_s,
        latency_ms=_percentiles([latency / 1000 for latency in report.latencies_us]),
        memory_mb=memory_mb,
        peak_mb=peak_mb,
        units=report.answered,
    )


def _delivered(bench: Bench, *, seconds: float, per_second: float) -> Sample:
    site, server = _site(bench), bench.server
    assert server is not None
    plan = Plan(
        port=site.port,
        method="POST",
        path=LEAD_PATH,
        headers=site.headers,
        body=JSON_LEAD,
        seconds=seconds,
        per_second=per_second,
        first_serial=bench.take_serials(),
    )
    cpu_s, receiver_cpu_s = server.cpu_s(), bench.receiver.cpu_s()
    report = play(plan)
    came = _drain(bench.receiver, report)
    cpu_s, receiver_cpu_s = server.cpu_s() - cpu_s, bench.receiver.cpu_s() - receiver_cpu_s
    arrived_ns: dict[int, int] = dict(came["arrivals"])
    waits_ms = [(arrived_ns[serial] - sent_ns) / 1e6 for serial, sent_ns in report.sent if serial in arrived_ns]
    last_ns = max(max(arrived_ns.values(), default=0), report.ended_ns)
    elapsed_s = (last_ns - report.began_ns) / 1e9
    memory_mb, peak_mb = server.memory_mb()
    return Sample(
        per_second=len(waits_ms) / elapsed_s,
        cpu_us=cpu_s / report.answered * 1e6,
        load_cpu=report.cpu_s / ((report.ended_ns - report.began_ns) / 1e9),
        receiver_cpu=receiver_cpu_s / elapsed_s,
        latency_ms=_percentiles([latency / 1000 for latency in report.latencies_us]),
        arrival_ms=_percentiles(waits_ms),
        memory_mb=memory_mb,
        peak_mb=peak_mb,
        units=report.answered,
        lost=report.answered - len(waits_ms),
        repeated=came["requests"] - came["distinct"],
    )


def _drain(receiver: Program, report: Report) -> dict[str, Any]:
    """Return what came once everything has, or when the bound is reached."""
    until_s = time.perf_counter() + _DRAIN_S
    while receiver.ask("count")["distinct"] < report.answered and time.perf_counter() < until_s:
        time.sleep(0.05)
    return receiver.ask("take")


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the 50th and the 99th."""
    if not values:
        return 0.0, 0.0
    ordered = sorted(values)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


def _site(bench: Bench) -> Site:
    assert bench.site is not None
    return bench.site
