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

from benchmarks import measurements, orders, report
from benchmarks.measurements import Bench, Measurement, Sample
from benchmarks.programs import Program, module
from benchmarks.site import Site

_ALL: dict[str, Measurement] = {
    "bare-insert": measurements.bare_insert,
    "bare-post": measurements.bare_post,
    "leads": measurements.product_leads,
    "arrival": measurements.product_arrival,
    "bare-list": measurements.bare_list,
    "list": measurements.product_list,
    "bare-orders": orders.bare_orders,
    "storefront": orders.storefront,
}
_PRODUCT = {"leads", "arrival", "list"}
_SHOP = {"bare-orders", "storefront"}
_WARM_UP_S = 1.0
_err = Console(stderr=True)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Some of: {', '.join(_ALL)}. None: all.")] = None,
    seconds: Annotated[float, typer.Option(min=0.2, help="Length of one round of one benchmark.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; each runs every benchmark once.")] = 3,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Measure what Demitasse costs over the parts that it is made of; ends with 1 if a Lead was lost."""
    wanted = names or list(_ALL)
    unknown = [name for name in wanted if name not in _ALL]
    if unknown:
        message = f"There is no benchmark {', '.join(unknown)}; there are {', '.join(_ALL)}"
        raise typer.BadParameter(message)
    samples: dict[str, list[Sample]] = {name: [] for name in wanted}
    with _bench(wanted) as bench:
        for name in wanted:
            _err.print(f"[dim]warm-up: {name}[/dim]", highlight=False)
            _ALL[name](bench, min(seconds, _WARM_UP_S))
        for number in range(rounds):
            for name in wanted:
                sample = _ALL[name](bench, seconds)
                samples[name].append(sample)
                _err.print(f"[dim]round {number + 1}: {name} {sample.per_second:,.0f}/s[/dim]", highlight=False)
    if as_json:
        typer.echo(orjson.dumps(report.as_json(samples, _machine()), option=orjson.OPT_INDENT_2).decode())
    else:
        report.show(samples, _machine(), Console(width=max(Console().width, 130)))
    if any(sample.lost for taken in samples.values() for sample in taken):
        raise typer.Exit(1)


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
