"""A backlog of deliveries, drained by the server; and the ceiling: raw libcurl and raw SQLite on the same rows."""

import tempfile
import time
from pathlib import Path
from typing import Final

import orjson

from benchmarks.measurements import Bench, Sample
from benchmarks.payloads import WEBHOOK
from benchmarks.programs import Program, module, run
from benchmarks.rows import is_any_waiting, rows_of
from benchmarks.site import Site

_PER_SECOND: Final = 4_000
"""Deliveries of a round for each second that it is meant to take."""

_DRAIN_S: Final = 120.0
_LOOK_S: Final = 0.02


def make_site(folder: Path, *, receiver_port: int) -> Site:
    """Make a site with the webhook, that nobody serves."""
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder)
    with site.start() as server:
        site.prepare(server, receiver_port=receiver_port)
    return site


def bare_drain(bench: Bench, seconds: float) -> Sample:
    """Read each row of a backlog, post it, write its log row and take it out of the queue, with nothing in between."""
    site, count = _site(bench), int(seconds * _PER_SECOND)
    with tempfile.TemporaryDirectory(dir=site.database.parent.parent) as name:
        copied = site.copy(Path(name))
        _queue(copied, bench, count)
        url = f"http://127.0.0.1:{bench.receiver_port}/hook"
        report = orjson.loads(run(module("bare_drain", url, str(copied.database))))
    came = bench.receiver.ask("take")
    return Sample(
        per_second=count / report["seconds"],
        cpu_us=report["cpu_s"] / count * 1e6,
        load_cpu=0.0,
        units=count,
        memory_mb=report["rss_mb"],
        peak_mb=report["rss_mb"],
        lost=count - came["distinct"],
    )


def bare_log(bench: Bench, seconds: float) -> Sample:
    """Write log rows and take rows out of the queue, durably, in batches: a drain that posts nothing."""
    site, count = _site(bench), int(seconds * _PER_SECOND)
    with tempfile.TemporaryDirectory(dir=site.database.parent.parent) as name:
        copied = site.copy(Path(name))
        _queue(copied, bench, count)
        report = orjson.loads(run(module("bare_drain", "", str(copied.database))))
    return Sample(per_second=count / report["seconds"], cpu_us=report["cpu_s"] / count * 1e6, load_cpu=0.0, units=count)


def drain(bench: Bench, seconds: float) -> Sample:
    """Start the server on a backlog: from the first arrival until all of it is settled."""
    site, count = _site(bench), int(seconds * _PER_SECOND)
    _queue(site, bench, count)
    with site.start() as server:
        return drained(site, server, bench.receiver, count=count)


def drained(site: Site, server: Program, receiver: Program, *, count: int) -> Sample:
    """Wait until a backlog is settled, and weigh the server meanwhile.

    Raises:
        RuntimeError: it was not settled within the bound, or the server ended.
    """
    first = _until_some_came(server, receiver)
    began_s, cpu_s, receiver_cpu_s = time.perf_counter(), server.cpu_s(), receiver.cpu_s()
    while is_any_waiting(site.database):
        if not server.is_running or time.perf_counter() > began_s + _DRAIN_S:
            message = f"Not all of {count} were settled within {_DRAIN_S:.0f} s; the server said: {server.said()}"
            raise RuntimeError(message)
        time.sleep(_LOOK_S)
    elapsed_s, units = time.perf_counter() - began_s, count - first
    cpu_s, receiver_cpu_s = server.cpu_s() - cpu_s, receiver.cpu_s() - receiver_cpu_s
    memory_mb, peak_mb = server.memory_mb()
    came = receiver.ask("take")
    return Sample(
        per_second=units / elapsed_s,
        cpu_us=cpu_s / units * 1e6,
        load_cpu=0.0,
        receiver_cpu=receiver_cpu_s / elapsed_s,
        memory_mb=memory_mb,
        peak_mb=peak_mb,
        units=units,
        lost=count - came["distinct"],
        repeated=came["requests"] - came["distinct"],
    )


def _until_some_came(server: Program, receiver: Program) -> int:
    until_s = time.perf_counter() + _DRAIN_S
    while not (came := receiver.ask("count")["distinct"]):
        if not server.is_running or time.perf_counter() > until_s:
            message = f"Nothing arrived; the server said: {server.said()}"
            raise RuntimeError(message)
        time.sleep(_LOOK_S / 4)
    return int(came)


def _queue(site: Site, bench: Bench, count: int) -> None:
    with rows_of(site.database) as rows:
        rows.queue(WEBHOOK, first=bench.take_serials(), count=count)


def _site(bench: Bench) -> Site:
    assert bench.backlog is not None
    return bench.backlog
