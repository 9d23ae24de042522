"""One endpoint among ten that takes connections and never answers: what is left of the rate of the other nine."""

import contextlib
import socket
import time
from typing import Final

from benchmarks.backlog import make_site
from benchmarks.payloads import WEBHOOK
from benchmarks.report import Finding, paired
from benchmarks.rows import rows_of
from benchmarks.site import Site
from benchmarks.study import Setting, told

_OTHERS: Final = tuple(f"Benchmark Lead {number}" for number in range(1, 9))
_NINE: Final = (WEBHOOK, *_OTHERS)
_TENTH: Final = "Benchmark Lead 9"
_PER_SECOND: Final = 400
_WITHIN_S: Final = 120.0


def dead_endpoint(setting: Setting) -> list[Finding]:
    """Drain the backlogs of ten webhooks: all alive, the tenth hanging, and of nine alone."""
    with contextlib.ExitStack() as stack:
        # It listens, so the kernel takes connections and what they carry; nobody ever answers.
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        alive = make_site(setting.folder / "ten-alive", receiver_port=setting.receiver_port)
        dead = make_site(setting.folder / "one-dead", receiver_port=setting.receiver_port)
        for site, tenth_port in ((alive, setting.receiver_port), (dead, silent.getsockname()[1])):
            with site.start() as server:
                site.wait(server)
                for name in _OTHERS:
                    site.add_webhook(name, port=setting.receiver_port)
                site.add_webhook(_TENTH, port=tenth_port)
        rates: dict[str, list[float]] = {"ten": [], "one dead": [], "nine": []}
        for _ in range(setting.rounds):
            rates["nine"].append(_nine(setting, alive, with_tenth=False))
            rates["ten"].append(_nine(setting, alive, with_tenth=True))
            rates["one dead"].append(_nine(setting, dead, with_tenth=True))
            setting.tell("the nine: " + ", ".join(f"{kind} {rate[-1]:,.0f}/s" for kind, rate in rates.items()))
    return [
        told("The nine, all ten alive, per second", rates["ten"]),
        told("The nine, the tenth hanging, per second", rates["one dead"]),
        told("The nine, nothing for a tenth, per second", rates["nine"]),
        paired("The nine: tenth hanging : alive", rates["one dead"], rates["ten"], aim=0.9, less_is_better=False),
        paired("The nine: tenth hanging : no tenth", rates["one dead"], rates["nine"], aim=0.9, less_is_better=False),
    ]


def _nine(setting: Setting, site: Site, *, with_tenth: bool) -> float:
    """Return how many deliveries of the nine arrive per second, from the first to the last of them."""
    count = int(setting.seconds * _PER_SECOND)
    first_serial = setting.take_serials()
    with rows_of(site.database) as rows:
        rows.clear_queue()
        for number, name in enumerate(_NINE):
            rows.queue(name, first=first_serial + number * count, count=count)
        if with_tenth:
            rows.queue(_TENTH, first=first_serial + len(_NINE) * count, count=count)
    nine = range(first_serial, first_serial + len(_NINE) * count)
    with site.start() as server:
        until_s, moments_ns = time.perf_counter() + _WITHIN_S, dict[int, int]()
        while len(moments_ns) < len(nine):
            if not server.is_running or time.perf_counter() > until_s:
                message = f"{len(moments_ns)} of {len(nine)} arrived; the server said: {server.said()}"
                raise RuntimeError(message)
            time.sleep(0.1)
            moments_ns.update(
                (serial, moment) for serial, moment in setting.receiver.ask("take")["arrivals"] if serial in nine
            )
    setting.receiver.ask("take")
    elapsed_s = (max(moments_ns.values()) - min(moments_ns.values())) / 1e9
    return len(nine) / elapsed_s
