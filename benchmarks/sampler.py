"""Runs the command line and notes, every 2 ms of its CPU time, which part of the line it is in.

Arguments: a folder, then those of the command. Notes are taken once ``parts.BEGIN`` lies in the folder, and written
beside it as ``parts.SAMPLES`` when the command ends.
"""

import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

import orjson

from benchmarks.parts import BEGIN, SAMPLES, part_of
from demitasse.cli.main import main

_EVERY_S = 0.002


def _watch(folder: Path) -> Counter[str]:
    parts: Counter[str] = Counter()

    def note(_signal: int, frame: FrameType | None) -> None:
        if parts or (folder / BEGIN).exists():
            parts[part_of(frame)] += 1

    signal.signal(signal.SIGPROF, note)
    signal.siginterrupt(signal.SIGPROF, False)  # noqa: FBT003 - its only form
    signal.setitimer(signal.ITIMER_PROF, _EVERY_S, _EVERY_S)
    return parts


def _end(_signal: int, _frame: FrameType | None) -> None:
    # The server ends well and then sends itself the signal again: by default that would end us without a word.
    sys.exit(0)


if __name__ == "__main__":
    notes = Path(sys.argv.pop(1))
    signal.signal(signal.SIGTERM, _end)
    counted = _watch(notes)
    try:
        main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        (notes / SAMPLES).write_bytes(orjson.dumps(counted))
