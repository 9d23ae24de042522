"""``python -m benchmarks.where``: what the time of a Lead, or of a list, goes to in the server's process."""

import tempfile
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import measurements
from benchmarks.measurements import Bench, Measurement
from benchmarks.parts import BEGIN, SAMPLES
from benchmarks.programs import Program, module
from benchmarks.site import Site

_WHAT: dict[str, Measurement] = {
    "leads": measurements.product_leads,
    "arrival": measurements.product_arrival,
    "list": measurements.product_list,
}
_WARM_UP_S = 1.0
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    what: Annotated[str, typer.Argument(help=f"One of: {', '.join(_WHAT)}.")] = "leads",
    seconds: Annotated[float, typer.Option(min=0.5, help="How long to load the server.")] = 5.0,
) -> None:
    """Load a site and print the parts of the line with their shares of its CPU time."""
    if what not in _WHAT:
        message = f"There is no {what}; there are {', '.join(_WHAT)}"
        raise typer.BadParameter(message)
    with tempfile.TemporaryDirectory(prefix="demitasse-bench-") as name:
        folder = Path(name)
        with Program(module("receiver"), folder=folder, name="receiver") as receiver:
            bench = Bench(receiver=receiver, receiver_port=receiver.line()["port"])
            bench.site = Site(folder)
            with bench.site.start(module("sampler", name)) as bench.server:
                bench.site.prepare(bench.server, receiver_port=bench.receiver_port)
                measurements.product_leads(bench, _WARM_UP_S)
                (folder / BEGIN).touch()
                sample = _WHAT[what](bench, seconds)
        parts: dict[str, int] = orjson.loads((folder / SAMPLES).read_bytes())
    _show(parts, cpu_us=sample.cpu_us, title=f"{what}: {sample.per_second:,.0f}/s, {sample.cpu_us:,.0f} us of CPU each")


def _show(parts: dict[str, int], *, cpu_us: float, title: str) -> None:
    total = sum(parts.values())
    table = Table(title=title, title_justify="left")
    table.add_column("part")
    table.add_column("share", justify="right")
    table.add_column("CPU us", justify="right")
    for part, count in sorted(parts.items(), key=lambda item: -item[1]):
        table.add_row(part, f"{100 * count / total:.1f} %", f"{cpu_us * count / total:.0f}")
    Console().print(table)


if __name__ == "__main__":
    app(prog_name="python -m benchmarks.where")
