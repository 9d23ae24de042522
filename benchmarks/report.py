"""From samples to a table, ratios and aims."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measurements import Sample

Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The median of the rounds, with the least and the most."""

    median: float
    least: float
    most: float

    def shown(self, digits: int = 0) -> str:
        """Return ``median (least-most)``."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f}-{self.most:,.{digits}f})"


_WHOLE = 1_000
_DRAIN_CEILINGS = (
    ("bare-drain", "raw libcurl and raw inserts in one process", 0.4),
    ("bare-post", "raw libcurl alone", None),
    ("bare-log", "raw inserts alone", None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A figure beside what it should be; without an aim it is only told. ``detail`` is its least and most."""

    what: str
    value: float
    aim: float | None
    less_is_better: bool
    detail: str = ""

    @property
    def shown(self) -> str:
        """The figure in words."""
        value = f"{self.what}: {self.value:,.{0 if self.value >= _WHOLE else 2}f}"
        return f"{value} ({self.detail})" if self.detail else value

    @property
    def is_reached(self) -> bool:
        """Whether the aim is reached."""
        if self.aim is None:
            return True
        return self.value <= self.aim if self.less_is_better else self.value >= self.aim


def spread(samples: Sequence[Sample], value: Callable[[Sample], float]) -> Spread:
    """Return the spread of one value over the rounds."""
    values = [value(sample) for sample in samples]
    return Spread(median=statistics.median(values), least=min(values), most=max(values))


def findings(samples: Samples) -> list[Finding]:
    """Return what the rounds say about the aims; what was not measured is left out."""
    found: list[Finding] = []
    rates = {name: spread(rounds, lambda sample: sample.per_second).median for name, rounds in samples.items()}

    def add(what: str, value: float, aim: float | None, *, less_is_better: bool) -> None:
        found.append(Finding(what=what, value=value, aim=aim, less_is_better=less_is_better))

    if "leads" in rates:
        add("Leads accepted and delivered per second", rates["leads"], 2000, less_is_better=False)
        lost = sum(sample.lost for name in ("leads", "arrival") for sample in samples.get(name, ()))
        add("Leads accepted and not delivered", lost, 0, less_is_better=True)
        peak = max(sample.peak_mb for name in ("leads", "arrival", "list") for sample in samples.get(name, ()))
        add("Peak resident memory of the server, MB", peak, 120, less_is_better=True)
    if "leads" in rates and "bare-insert" in rates:
        add("Leads : bare insert", rates["leads"] / rates["bare-insert"], 0.4, less_is_better=False)
        if "bare-post" in rates:
            both = 1 / (1 / rates["bare-insert"] + 1 / rates["bare-post"])
            add(
                "Leads : bare insert and raw post in one process (computed)",
                rates["leads"] / both,
                0.4,
                less_is_better=False,
            )
    if "arrival" in rates:
        add("POST to arrival at 100/s, p50, ms", _median_arrival(samples, 0), 3, less_is_better=True)
        add("POST to arrival at 100/s, p99, ms", _median_arrival(samples, 1), 20, less_is_better=True)
    if "list" in rates:
        add("Lists per second", rates["list"], 4000, less_is_better=False)
        if "bare-list" in rates:
            add("List : bare list", rates["list"] / rates["bare-list"], 0.4, less_is_better=False)
    if "storefront" in rates:
        add("Storefront orders per second", rates["storefront"], 300, less_is_better=False)
        if "bare-orders" in rates:
            ratio = rates["storefront"] / rates["bare-orders"]
            add("Storefront order : bare transaction of its rows", ratio, None, less_is_better=False)
    return [*found, *_mobile_findings(rates), *_drain_findings(samples, rates)]


def _mobile_findings(rates: Mapping[str, float]) -> list[Finding]:
    """Return what the middleware reaches of its ceilings."""
    found = []
    for what, name, ceiling in (
        ("Products per second from the middleware's cache", "products", "bare-products"),
        ("Orders per second through the middleware", "mobile-orders", "site-orders"),
    ):
        if name in rates:
            found.append(Finding(what=what, value=rates[name], aim=None, less_is_better=False))
        if {name, ceiling} <= rates.keys():
            ratio = rates[name] / rates[ceiling]
            found.append(Finding(what=f"{name} : {ceiling}", value=ratio, aim=None, less_is_better=False))
    return found


def paired(
    what: str, values: Sequence[float], base: Sequence[float], *, aim: float | None, less_is_better: bool
) -> Finding:
    """Return the ratio of two variants: the median over the rounds, each against its own neighbour."""
    ratios = [value / other for value, other in zip(values, base, strict=True)]
    detail = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return Finding(what=what, value=statistics.median(ratios), aim=aim, less_is_better=less_is_better, detail=detail)


def _drain_findings(samples: Samples, rates: Mapping[str, float]) -> list[Finding]:
    if "drain" not in rates:
        return []
    drained = samples["drain"]
    lost = sum(sample.lost for sample in drained)
    found = [
        Finding(what="Deliveries per second from a backlog", value=rates["drain"], aim=6000, less_is_better=False),
        Finding(what="Deliveries of a backlog that did not arrive", value=lost, aim=0, less_is_better=True),
    ]
    for ceiling, name, aim in _DRAIN_CEILINGS:
        if ceiling in samples:
            ours, theirs = ([each.per_second for each in rounds] for rounds in (drained, samples[ceiling]))
            found.append(paired(f"Drain : {name}", ours, theirs, aim=aim, less_is_better=False))
    if "bare-drain" in samples:
        theirs, ours = ([each.cpu_us for each in rounds] for rounds in (samples["bare-drain"], drained))
        found.append(paired("Drain : the same, by CPU", theirs, ours, aim=None, less_is_better=False))
    return found


def as_json(samples: Samples, studied: Sequence[Finding], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that was measured."""
    return {
        "machine": dict(machine),
        "samples": {name: [asdict(sample) for sample in rounds] for name, rounds in samples.items()},
        "findings": [
            {**asdict(finding), "is_reached": finding.is_reached} for finding in (*findings(samples), *studied)
        ],
    }


def show(samples: Samples, studied: Sequence[Finding], machine: Mapping[str, Any], console: Console) -> None:
    """Print the table and the findings."""
    console.print("  ".join(f"{key} {value}" for key, value in machine.items()), style="dim", highlight=False)
    if samples:
        console.print(_table(samples))
    for finding in (*findings(samples), *studied):
        if finding.aim is None:
            console.print(finding.shown, highlight=False)
            continue
        sign = "<=" if finding.less_is_better else ">="
        verdict = "reached" if finding.is_reached else "MISSED"
        console.print(f"{finding.shown} (aim {sign} {finding.aim:,g}: {verdict})", highlight=False)


def _table(samples: Samples) -> Table:
    table = Table(title="Median (least-most) of the rounds", title_justify="left")
    table.add_column("benchmark")
    for heading in (
        "per second",
        "CPU us",
        "request ms p50/p99",
        "arrival ms p50/p99",
        "memory/peak MB",
        "load/receiver cores",
    ):
        table.add_column(heading, justify="right")
    for name, rounds in samples.items():
        table.add_row(name, *_cells(rounds))
    return table


def _cells(rounds: Sequence[Sample]) -> list[str]:
    latency = [statistics.median(sample.latency_ms[at] for sample in rounds) for at in (0, 1)]
    arrival = [statistics.median(sample.arrival_ms[at] for sample in rounds) for at in (0, 1)]
    load = spread(rounds, lambda sample: sample.load_cpu).median
    receiver = spread(rounds, lambda sample: sample.receiver_cpu).median
    return [
        spread(rounds, lambda sample: sample.per_second).shown(),
        spread(rounds, lambda sample: sample.cpu_us).shown(),
        f"{latency[0]:.2f} / {latency[1]:.2f}" if latency[1] else "-",
        f"{arrival[0]:.2f} / {arrival[1]:.2f}" if arrival[1] else "-",
        f"{rounds[-1].memory_mb:.0f} / {max(sample.peak_mb for sample in rounds):.0f}",
        f"{load:.2f} / {receiver:.2f}",
    ]


def _median_arrival(samples: Samples, at: int) -> float:
    return spread(samples["arrival"], lambda sample: sample.arrival_ms[at]).median
