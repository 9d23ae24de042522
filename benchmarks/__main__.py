"""``python -m benchmarks``: ceilings and product in one run, on the same machine."""

import contextlib
import os
import platform
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import orjson
import pycurl
import typer
from rich.console import Console

from benchmarks import (
    backlog,
    brokers,
    dead_endpoint,
    fan_out,
    history,
    measurements,
    memory,
    mobile,
    orders,
    report,
    retaining,
    syncing,
)
from benchmarks.measurements import Bench, Measurement, Sample
from benchmarks.programs import Program, module
from benchmarks.report import Finding
from benchmarks.site import Site
from benchmarks.study import Setting, Study

_ALL: dict[str, Measurement] = {
    "bare-insert": measurements.bare_insert,
    "bare-post": measurements.bare_post,
    "leads": measurements.product_leads,
    "arrival": measurements.product_arrival,
    "bare-list": measurements.bare_list,
    "list": measurements.product_list,
    "bare-orders": orders.bare_orders,
    "storefront": orders.storefront,
    "bare-products": mobile.bare_products,
    "products": mobile.products,
    "site-orders": mobile.site_orders,
    "mobile-orders": mobile.mobile_orders,
    "bare-log": backlog.bare_log,
    "bare-drain": backlog.bare_drain,
    "drain": backlog.drain,
}
_STUDIES: dict[str, Study] = {
    "claims": history.claims,
    "backlog-memory": memory.backlog_memory,
    "dead-endpoint": dead_endpoint.dead_endpoint,
    "retention": retaining.retention,
    "fan-out": fan_out.fan_out,
    "sync-pull": syncing.sync_pull,
    "sync-push": syncing.sync_push,
    "sync-serving": syncing.sync_serving,
    "sync-crashes": syncing.sync_crashes,
    "sync-brokers": brokers.sync_brokers,
}
_PRODUCT = {"leads", "arrival", "list"}
_SHOP = {"bare-orders", "storefront"}
_MOBILE = {"bare-products", "products", "site-orders", "mobile-orders"}
_BACKLOG = {"bare-log", "bare-drain", "drain"}
_WARM_UP_S = 1.0
_err = Console(stderr=True)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Some of: {', '.join((*_ALL, *_STUDIES))}. None: all.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.2, help="Length of one round of one benchmark.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; each runs every benchmark once.")] = 3,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Measure what Demitasse costs over the parts that it is made of; ends with 1 if anything was lost."""
    wanted = names or [*_ALL, *_STUDIES]
    unknown = [name for name in wanted if name not in _ALL and name not in _STUDIES]
    if unknown:
        message = f"There is no benchmark {', '.join(unknown)}; there are {', '.join((*_ALL, *_STUDIES))}"
        raise typer.BadParameter(message)
    samples: dict[str, list[Sample]] = {name: [] for name in wanted if name in _ALL}
    with _bench(wanted) as bench:
        for name in samples:
            _tell(f"warm-up: {name}")
            _ALL[name](bench, min(seconds, _WARM_UP_S))
        for number in range(rounds):
            for name, taken in samples.items():
                taken.append(_ALL[name](bench, seconds))
                _tell(f"round {number + 1}: {name} {taken[-1].per_second:,.0f}/s")
    studied = [
        finding for name in wanted if name in _STUDIES for finding in _studied(name, rounds=rounds, seconds=seconds)
    ]
    if as_json:
        typer.echo(orjson.dumps(report.as_json(samples, studied, _machine()), option=orjson.OPT_INDENT_2).decode())
    else:
        report.show(samples, studied, _machine(), Console(width=max(Console().width, 130)))
    if any(sample.lost for taken in samples.values() for sample in taken):
        raise typer.Exit(1)


def _studied(name: str, *, rounds: int, seconds: float) -> list[Finding]:
    """Carry a study out, in a folder and with a receiver of its own."""
    with _bench([]) as bench, tempfile.TemporaryDirectory(prefix="demitasse-bench-") as folder:
        setting = Setting(
            folder=Path(folder),
            receiver=bench.receiver,
            receiver_port=bench.receiver_port,
            rounds=rounds,
            seconds=seconds,
            tell=lambda text: _tell(f"{name}: {text}"),
            take_serials=bench.take_serials,
        )
        return _STUDIES[name](setting)


def _tell(text: str) -> None:
    _err.print(f"[dim]{text}[/dim]", highlight=False)


@contextlib.contextmanager
def _bench(names: Sequence[str]) -> Iterator[Bench]:
    """Start what the benchmarks need, and end it."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="demitasse-bench-")))
        receiver = stack.enter_context(Program(module("receiver"), folder=folder, name="receiver"))
        bench = Bench(receiver=receiver, receiver_port=receiver.line()["port"])
        if not {"bare-insert", "bare-list"}.isdisjoint(names):
            bench.bare = stack.enter_context(Program(module("bare_server", str(folder)), folder=folder, name="bare"))
            bench.bare_port = bench.bare.line()["port"]
        if not _PRODUCT.isdisjoint(names):
            bench.site = Site(folder)
            bench.server = stack.enter_context(bench.site.start())
            bench.site.prepare(bench.server, receiver_port=bench.receiver_port)
        if not _SHOP.isdisjoint(names):
            place = folder / "shop"
            place.mkdir()
            bench.shop = Site(place, app="scoopjoy", settings=orders.SETTINGS)
            bench.shop_server = stack.enter_context(bench.shop.start())
            bench.shop.wait(bench.shop_server)
        if not _MOBILE.isdisjoint(names):
            bench.mobile = stack.enter_context(mobile.running(folder / "mobile"))
        if not _BACKLOG.isdisjoint(names):
            bench.backlog = backlog.make_site(folder / "backlog", receiver_port=bench.receiver_port)
        yield bench


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "uvicorn": metadata.version("uvicorn"),
        "libcurl": pycurl.version_info()[1],
        "cores": os.cpu_count(),
        "load": f"{os.getloadavg()[0]:.1f}",
    }


if __name__ == "__main__":
    app(prog_name="python -m benchmarks")
