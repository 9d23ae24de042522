"""Sync on a site: running its rules beside the process that serves it or within that, and what operators ask of them."""

import fcntl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from demitasse.app.site import Site
from demitasse.app.webhooks import reading, writing
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.client.retrying import NO_RETRIES
from demitasse.db.transaction import Transaction
from demitasse.documents import queries, store
from demitasse.kernel import json
from demitasse.sync import connecting, logbook, overview
from demitasse.sync.identity import renew_identity
from demitasse.sync.model import Counts
from demitasse.sync.resolving import choice_of
from demitasse.sync.resolving import resolve as resolve_conflict
from demitasse.sync.rules import load_rule, load_site, rule_names
from demitasse.sync.running import Runner, note_greeting

_RESTS_BESIDE_A_SERVER = 0.5


def site_id(site: Site) -> str:
    """Return the id by which other sites know the edits that were made here; the first call makes it."""
    return site.services.sync.site_id()


def new_site_id(site: Site) -> str:
    """Give a copy of another site an id of its own."""
    return writing(site, renew_identity)


def runner_of(site: Site, *, tell: Callable[[Counts], None]) -> Runner:
    """Return what runs the rules of a site; where a process serves it, runs leave that room to write."""
    return site.services.sync.runner(rests=_RESTS_BESIDE_A_SERVER if is_served(site.settings.site) else 0.0, tell=tell)


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
    """Return the rules that can be run: these, or all enabled ones."""
    if names:
        return reading(site, lambda tx: [load_rule(site.documents, tx, name).name for name in names])
    filters = {"enabled": 1, "pattern": ["in", ["Pull", "Push", "Receive", "Broker"]]}
    return reading(site, lambda tx: rule_names(site.documents, tx, filters))


def try_site(site: Site, name: str) -> connecting.Greeting:
    """Call a Remote Site, and keep what it says of itself.

    Raises:
        ClientError: it cannot be called.
        DocumentNotFound: there is no Remote Site of this name.
    """
    remote = reading(site, lambda tx: load_site(site.documents, tx, name))
    with connecting.client_of(remote, retries=NO_RETRIES) as client:
        greeting = connecting.greet(client)
    home = site.services.sync.home()
    writing(site, lambda tx: note_greeting(home, tx, remote, greeting))
    return greeting


def status(site: Site) -> list[overview.RuleLine]:
    """Return how every rule stands."""
    return reading(site, lambda tx: overview.lines(site.documents, tx))


def parked_rows(site: Site, rule: str | None = None) -> overview.Rows:
    """Return what is parked, the oldest first."""
    return reading(site, lambda tx: overview.parked_rows(site.documents, tx, rule))


def conflicts(site: Site, rule: str | None = None, *, is_all: bool = False) -> overview.Rows:
    """Return conflicts, the oldest first; without ``is_all`` those that are open."""
    return reading(site, lambda tx: overview.conflicts(site.documents, tx, rule, is_all=is_all))


def resolve(site: Site, conflict: str, choice: str) -> str:
    """Settle a conflict and return how.

    Raises:
        SyncError: the choice is none, or the conflict is settled already.
    """
    home = site.services.sync.home()
    chosen = choice_of(choice)
    writing(site, lambda tx: resolve_conflict(home, tx, conflict, chosen, actor=ADMINISTRATOR_ACTOR))
    return chosen.value


def conflict_versions(site: Site, name: str) -> dict[str, Any]:
    """Return both versions of a document in conflict."""

    def work(tx: Transaction) -> dict[str, Any]:
        record = store.load(site.documents, tx, site.registry.get(logbook.CONFLICT), name)
        return {
            "name": name,
            "document": f"{record['document_type']} {record['document']}",
            "ours": json.decode(record["local_version"]) if record["local_version"] else None,
            "theirs": json.decode(record["remote_version"]) if record["remote_version"] else None,
        }

    return reading(site, work)


def make_due(site: Site, names: Sequence[str]) -> int:
    """Let parked rows be tried at the next run of their rules, all of them unless named; return how many."""

    def work(tx: Transaction) -> int:
        doctype = site.registry.get(logbook.PARKED)
        filters = {"name": ["in", list(names)]} if names else {}
        found = queries.select(site.documents, tx, doctype, actor=None, fields=["name"], filters=filters, limit=0).rows
        for (name,) in found:
            store.set_columns(site.documents, tx, doctype, name, {"next_attempt_at": site.clock()})
        return len(found)

    return writing(site, work)
