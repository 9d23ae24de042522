"""Memory of the server with a backlog of ten thousand and of a million, for a receiver that is up and one that is down."""

import socket
import time
from typing import Final

from benchmarks.backlog import make_site
from benchmarks.payloads import WEBHOOK
from benchmarks.report import Finding, paired
from benchmarks.rows import rows_of
from benchmarks.site import Site
from benchmarks.study import Setting, told

SIZES: Final = (10_000, 1_000_000)
_SENT: Final = 10_000
_DOWN_S: Final = 5.0
_WITHIN_S: Final = 60.0


def backlog_memory(setting: Setting) -> list[Finding]:
    """Weigh the server at its peak after it has sent ten thousand, and after some seconds with nobody to send to."""
    up = {size: _site(setting, size, receiver_port=setting.receiver_port) for size in SIZES}
    with socket.create_server(("127.0.0.1", 0)) as listening:
        closed_port = listening.getsockname()[1]  # Nobody listens there from now on.
    down = {size: _site(setting, size, receiver_port=closed_port) for size in SIZES}
    peaks: dict[tuple[str, int], list[float]] = {(kind, size): [] for kind in ("up", "down") for size in SIZES}
    metrics_ms: list[float] = []
    for number in range(setting.rounds):
        for size in SIZES:
            if number:
                _refill(setting, up[size])
            peaks["up", size].append(_peak_sending(setting, up[size]))
            peaks["down", size].append(_peak_waiting(down[size], metrics_ms if size == max(SIZES) else []))
            setting.tell(
                f"{size:,} waiting: {peaks['up', size][-1]:.0f} MB sending, {peaks['down', size][-1]:.0f} MB not"
            )
    few, many = SIZES
    return [
        told(f"Peak memory, backlog of {few:,}, MB", peaks["up", few]),
        told(f"Peak memory, backlog of {many:,}, MB", peaks["up", many]),
        paired(f"Memory: {many:,} : {few:,}", peaks["up", many], peaks["up", few], aim=1.1, less_is_better=True),
        paired("The same, receiver down", peaks["down", many], peaks["down", few], aim=1.1, less_is_better=True),
        told(f"/metrics with a backlog of {many:,}, ms", metrics_ms),
    ]


def _peak_sending(setting: Setting, site: Site) -> float:
    with site.start() as server:
        until_s = time.perf_counter() + _WITHIN_S
        while setting.receiver.ask("count")["distinct"] < _SENT:
            if not server.is_running or time.perf_counter() > until_s:
                message = f"{_SENT} did not arrive; the server said: {server.said()}"
                raise RuntimeError(message)
            time.sleep(0.01)
        peak_mb = server.memory_mb()[1]
    setting.receiver.ask("take")
    return peak_mb


def _peak_waiting(site: Site, metrics_ms: list[float]) -> float:
    with site.start() as server:
        site.wait(server)
        time.sleep(_DOWN_S)
        peak_mb = server.memory_mb()[1]
        metrics_ms.append(site.metrics_s() * 1000)
    return peak_mb


def _site(setting: Setting, size: int, *, receiver_port: int) -> Site:
    site = make_site(setting.folder / f"waiting-{size}-{receiver_port}", receiver_port=receiver_port)
    with rows_of(site.database) as rows:
        rows.queue(WEBHOOK, first=setting.take_serials(), count=size)
    setting.tell(f"written: a backlog of {size:,}")
    return site


def _refill(setting: Setting, site: Site) -> None:
    """Have as many waiting as before, or a little more."""
    with rows_of(site.database) as rows:
        rows.queue(WEBHOOK, first=setting.take_serials(), count=_SENT)
