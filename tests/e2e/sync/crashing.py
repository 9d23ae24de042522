"""A pull that is killed at any moment, again and again, while its source is edited; the sizes are the caller's."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.site import ROOT, Client, MadeSite, ServedSite, environment
from tests.e2e.sync.pair import copy_rows, database, item, know

RULE = "all items"
_OWN = frozenset({"owner", "creation", "modified", "modified_by"})


@dataclass(slots=True)
class Crashed:
    """What came of it.

    Args:
        peak_rss_kb: The most memory of each run, the killed ones included.
        growth: The most memory in the second half of the last run, as a part of that in the first half.
        last: What the run did that was let finish.
    """

    kills: int = 0
    edits: int = 0
    peak_rss_kb: list[int] = field(default_factory=list)
    growth: float = 0.0
    last: dict[str, Any] = field(default_factory=dict)


class Runs:
    """Runs of the rule at the outlet, one at a time, each in a process of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        command = [sys.executable, "-m", "tests.e2e.sync.zygote", str(path)]
        self._zygote = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self) -> int:
        """Start a run and return its pid."""
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(f"{RULE}\n")
        self._zygote.stdin.flush()
        return int(self._line())

    def end(self) -> int:
        """Wait for the end of the run, and return its exit code; a kill is -9."""
        return int(self._line())

    def _line(self) -> str:
        assert self._zygote.stdout is not None
        line = self._zygote.stdout.readline()
        assert line, "the runs ended by themselves"
        return line

    def close(self) -> None:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.close()
        self._zygote.wait(20)
        self._zygote.stdout.close()


def prepare(made: MadeSite, folder: Path, *, count: int, page_size: int = 500) -> tuple[ServedSite, ServedSite]:
    """Return a served HQ with so many Items, and an outlet that knows it and has none."""
    hq, outlet = made.copy(folder / "hq"), made.copy(folder / "outlet")
    for site in (hq, outlet):
        with database(site) as found:
            found.executescript('DELETE FROM "tabItem"; DELETE FROM "tabSales Order"')
    hq.start()
    with hq.client() as client:
        item(client, "I-0000000", item_name="Number 0", standard_rate=0.5)
    start = datetime.now(UTC) - timedelta(days=1)
    copy_rows(
        hq,
        "Item",
        "I-0000000",
        (
            {
                "name": f"I-{n:07}",
                "item_code": f"I-{n:07}",
                "item_name": f"Number {n}",
                "standard_rate": n / 4,
                "modified": (start + timedelta(milliseconds=n // 7)).isoformat(" ", "microseconds")[:26],
            }
            for n in range(1, count)
        ),
    )
    outlet.start()
    know(outlet, hq, name="HQ")
    with outlet.client() as client:
        values = {"name": RULE, "remote_site": "HQ", "document_type": "Item", "page_size": page_size}
        made_rule = client.post("/api/resource/Sync Rule", values)
        assert made_rule.status == 200, made_rule.text
    outlet.stop()
    return hq, outlet


class Editor:
    """Edits, deletes, renames and makes Items at HQ until it is stopped."""

    def __init__(self, hq: ServedSite, *, count: int, seed: int) -> None:
        self._hq = hq
        self._random = random.Random(seed)
        self._count = count
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.edits = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        with self._hq.client() as client:
            while not self._stopped.is_set():
                self._edit(client)
                self.edits += 1

    def _edit(self, client: Client) -> None:
        number = self._random.randrange(self._count)
        code = f"I-{number:07}"
        kind = self._random.random()
        if kind < 0.5:
            client.put(f"/api/resource/Item/{code}", {"item_name": f"edit {self.edits}", "standard_rate": self.edits})
        elif kind < 0.7:
            client.delete(f"/api/resource/Item/{code}")
        elif kind < 0.85:
            client.call("frappe.client.rename_doc", doctype="Item", old_name=code, new_name=f"R-{self.edits:05}-{code}")
        else:
            values = {"item_code": code if kind > 0.95 else f"N-{self.edits:05}", "item_group": "Products"}
            client.post("/api/resource/Item", values)


def crash(
    hq: ServedSite, outlet: ServedSite, *, count: int, kills: int, seed: int = 7, longest_s: float = 0.1
) -> Crashed:
    """Kill so many runs while HQ is edited, then let one finish in peace, and one more that finds nothing.

    Args:
        longest_s: The latest moment of a kill, after documents of a run were committed, or after its first commit, in
            turn. A run that ended before its kill does not count: the next is killed sooner, so that the kills come,
            however fast the machine is.
    """
    chance = random.Random(seed)
    found = Crashed()
    runs, editor = Runs(outlet.path), Editor(hq, count=count, seed=seed)
    latest_s = longest_s
    editor.start()
    try:
        while found.kills < kills:
            with database(outlet) as connection:
                reached = (_documents_reached, _commits)[found.kills % 2]
                before = reached(connection)
                pid = runs.start()
                while reached(connection) == before and peak_rss_kb(pid):
                    time.sleep(0.001)
            time.sleep(chance.uniform(0, latest_s))  # the moment of the kill, not a wait for something
            found.peak_rss_kb.append(peak_rss_kb(pid))
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself: then it is no kill
                os.kill(pid, signal.SIGKILL)
            is_killed = runs.end() == -signal.SIGKILL
            found.kills += is_killed
            latest_s = longest_s if is_killed else latest_s / 2
        editor.stop()
        found.edits = editor.edits
        pid = runs.start()
        used_kb = _watched(pid)
        found.peak_rss_kb.append(max(used_kb))
        half = len(used_kb) // 2
        found.growth = max(used_kb[half:]) / max(used_kb[:half] or used_kb)
        assert runs.end() == 0
        found.last = json.loads((outlet.path / "ran.json").read_text())
        runs.start()
        assert runs.end() == 0
        assert json.loads((outlet.path / "ran.json").read_text())["read"] == 0
    finally:
        editor.stop()
        runs.close()
    return found


def _documents_reached(connection: sqlite3.Connection) -> Any:
    """Return up to which document the outlet has come."""
    return connection.execute('SELECT seen_modified, seen_name FROM "tabSync Checkpoint"').fetchone()


def _commits(connection: sqlite3.Connection) -> Any:
    """Return what is another after each commit of a run, and so after deletions, which come before any document."""
    return connection.execute("PRAGMA data_version").fetchone()


def _watched(pid: int) -> list[int]:
    """Return what memory a process has, again and again until its end."""
    used = [1]
    while (now := _memory_kb(pid, "VmRSS")) > 0:
        used.append(now)
        time.sleep(0.02)
    return used


def peak_rss_kb(pid: int) -> int:
    """Return the most memory that a process has had; 0 where it has ended."""
    return _memory_kb(pid, "VmHWM")


def _memory_kb(pid: int, what: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(what)), 0)


def differences(hq: ServedSite, outlet: ServedSite) -> list[str]:
    """Compare all Items of both sites field by field, and return the names of those that differ."""
    with (
        closing(sqlite3.connect(hq.path / "site.db")) as theirs,
        closing(sqlite3.connect(outlet.path / "site.db")) as ours,
    ):
        columns = [row[1] for row in theirs.execute('PRAGMA table_info("tabItem")') if row[1] not in _OWN]
        listed = ", ".join(f'"{column}"' for column in columns)
        sql = f'SELECT {listed} FROM "tabItem" ORDER BY name'
        there, here = ({row[0]: row for row in each.execute(sql)} for each in (theirs, ours))
    return sorted(name for name in there.keys() | here.keys() if there.get(name) != here.get(name))
