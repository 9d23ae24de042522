"""Sync on a site: running its rules beside the process that serves it or within that, and what operators ask of them."""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from demitasse.app.site import Site
from demitasse.app.webhooks import reading, writing
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import connecting, logbook
from demitasse.sync.identity import ensure_identity, renew_identity
from demitasse.sync.model import Counts
from demitasse.sync.ports import Home
from demitasse.sync.rules import load_rule, load_site, rule_names
from demitasse.sync.running import Runner, note_greeting

_RESTS_BESIDE_A_SERVER = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLine:
    """A rule at a glance.

    Args:
        read_up_to: The source's own time.
        conflicts: Those that are open.
    """

    name: str
    site: str
    doctype: str
    pattern: str
    enabled: bool
    is_complete: bool
    read_up_to: str
    looked_at: Any
    lag_s: float
    parked: int
    conflicts: int
    last_error: str


class FileLocks:
    """Holds keys for this machine: a lock file for each, which a process that dies gives back by dying."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._held: set[str] = set()

    @contextmanager
    def __call__(self, key: str) -> Iterator[bool]:
        """Hold a key while the block lasts; give False where another process or thread has it."""
        with self._guard:
            is_ours = key not in self._held
            if is_ours:
                self._held.add(key)
        if not is_ours:
            yield False
            return
        try:
            yield from self._locked(key)
        finally:
            with self._guard:
                self._held.discard(key)

    def _locked(self, key: str) -> Iterator[bool]:
        self._folder.mkdir(exist_ok=True)
        path = self._folder / f"{sha256(key.encode()).hexdigest()[:16]}.lock"
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True


def site_id(site: Site) -> str:
    """Return the id by which other sites know the edits that were made here; the first call makes it."""
    return writing(site, ensure_identity)


def new_site_id(site: Site) -> str:
    """Give a copy of another site an id of its own."""
    return writing(site, renew_identity)


def home_of(site: Site, *, beside_a_server: bool = False, tell: Callable[[Counts], None] = lambda _: None) -> Home:
    """Return the site as a run needs it.

    Args:
        beside_a_server: Another process serves the site and writes to it too.
    """
    return Home(
        context=site.documents,
        database=site.database,
        site_id=site_id(site),
        rests=_RESTS_BESIDE_A_SERVER if beside_a_server else 0.0,
        tell=tell,
    )


def runner_of(site: Site, *, beside_a_server: bool = False, tell: Callable[[Counts], None] = lambda _: None) -> Runner:
    """Return what runs the rules of a site."""
    locks = FileLocks(site.settings.site / "locks")
    return Runner(home_of(site, beside_a_server=beside_a_server, tell=tell), locks)


def is_served(path: Path) -> bool:
    """Return whether a process serves the site in a folder."""
    try:
        with (path / "site.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def runnable_rules(site: Site, names: Sequence[str]) -> list[str]:
    """Return the rules that can be run: these, or all enabled ones that read another site."""
    if names:
        return reading(site, lambda tx: [load_rule(site.documents, tx, name).name for name in names])
    filters = {"enabled": 1, "pattern": "Pull"}
    return reading(site, lambda tx: rule_names(site.documents, tx, filters))


def try_site(site: Site, name: str) -> connecting.Greeting:
    """Call a Remote Site, and keep what it says of itself.

    Raises:
        ClientError: it cannot be called.
        DocumentNotFound: there is no Remote Site of this name.
    """
    remote = reading(site, lambda tx: load_site(site.documents, tx, name))
    with connecting.client_of(remote) as client:
        greeting = connecting.greet(client)
    home = home_of(site)
    writing(site, lambda tx: note_greeting(home, tx, remote, greeting))
    return greeting


def status(site: Site) -> list[RuleLine]:
    """Return how every rule stands."""

    def work(tx: Transaction) -> list[RuleLine]:
        parked = _counted(site, tx, logbook.PARKED, {})
        conflicts = _counted(site, tx, logbook.CONFLICT, {"status": "Open"})
        return [_line(site, tx, name, parked, conflicts) for name in rule_names(site.documents, tx, {})]

    return reading(site, work)


def parked_rows(site: Site, rule: str | None = None) -> list[dict[str, Any]]:
    """Return what is parked, the oldest first."""
    fields = ["name", "sync_rule", "remote_doctype", "remote_name", "kind", "error_type", "error", "attempts"]
    return _rows(site, logbook.PARKED, [*fields, "next_attempt_at", "creation"], {"sync_rule": rule} if rule else {})


def conflicts(site: Site, rule: str | None = None, *, is_all: bool = False) -> list[dict[str, Any]]:
    """Return conflicts, the oldest first; without ``is_all`` those that are open."""
    fields = ["name", "sync_rule", "document_type", "document", "kind", "status", "resolution", "creation"]
    filters = {**({"sync_rule": rule} if rule else {}), **({} if is_all else {"status": "Open"})}
    return _rows(site, logbook.CONFLICT, fields, filters)


def _line(site: Site, tx: Transaction, name: str, parked: Mapping[str, int], conflicts: Mapping[str, int]) -> RuleLine:
    rule = load_rule(site.documents, tx, name)
    found = checkpoints.load(site.documents, tx, name)
    return RuleLine(
        name=name,
        site=rule.site,
        doctype=rule.local_doctype,
        pattern=rule.pattern.value,
        enabled=rule.is_enabled,
        is_complete=found.is_complete,
        read_up_to=found.seen.modified,
        looked_at=found.looked_at,
        lag_s=round(found.lag_s, 3),
        parked=parked.get(name, 0),
        conflicts=conflicts.get(name, 0),
        last_error=found.last_error,
    )


def _counted(site: Site, tx: Transaction, doctype: str, filters: Mapping[str, Any]) -> dict[str, int]:
    found = queries.select(
        site.documents,
        tx,
        site.registry.get(doctype),
        actor=None,
        fields=["sync_rule", "count(name) as total"],
        filters=dict(filters),
        group_by="sync_rule",
        limit=0,
    )
    return {row[0]: row[1] for row in found.rows}


def _rows(site: Site, doctype: str, fields: Sequence[str], filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    return reading(
        site,
        lambda tx: queries.select(
            site.documents,
            tx,
            site.registry.get(doctype),
            actor=None,
            fields=list(fields),
            filters=dict(filters),
            order_by="creation asc",
            limit=0,
        ).as_dicts(),
    )
