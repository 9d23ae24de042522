"""What the longer experiments share: they build tables of millions of rows once, and then measure in turns."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import Program
from benchmarks.report import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where a study works, and how long.

    Args:
        rounds: Turns; each measures every variant once.
        tell: Shows a line of progress.
    """

    folder: Path
    receiver: Program
    receiver_port: int
    rounds: int
    seconds: float
    tell: Callable[[str], None]
    take_serials: Callable[[], int]
    """Gives the first number of a block of a million that is used by nobody else."""


Study = Callable[[Setting], list[Finding]]


def told(what: str, values: Sequence[float], *, digits: int = 0) -> Finding:
    """Return a figure without an aim: the median of the rounds, with the least and the most."""
    detail = f"{min(values):,.{digits}f}-{max(values):,.{digits}f}"
    return Finding(what=what, value=statistics.median(values), aim=None, less_is_better=True, detail=detail)
