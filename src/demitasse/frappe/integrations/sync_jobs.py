"""Running Sync Rules on their schedules, out of turn, and settling what people decide."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import structlog

from demitasse.client.retrying import NO_RETRIES
from demitasse.documents import access, store
from demitasse.documents.errors import DocumentError
from demitasse.frappe.background import enqueue
from demitasse.frappe.context import Call, current
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.sync import checkpoint, connecting, logbook, overview, resolving
from demitasse.sync.errors import RuleRunning
from demitasse.sync.model import Pattern, Rule
from demitasse.sync.rules import REMOTE_SITE, RULE, load_rule, load_site, rule_names
from demitasse.sync.running import Ran, note_greeting
from demitasse.sync.schedule import is_due, seconds_of
from demitasse.sync.transacting import reading

_log = structlog.get_logger("demitasse.sync")
_HERE = "frappe.integrations.sync_jobs."
_FOLLOWS_FOR_S = 65.0
_RUN_FOR_S = 6 * 3600
_MOST_SHOWN = 100
_SHORTEST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.5
"""A server that stops waits no longer for this job."""


def run_due() -> None:
    """Queue the rules whose time has come; those that count in seconds are followed until the next minute."""
    call = current()
    now, zone = call.site.documents.clock(), call.site.documents.zone
    follows = False
    for rule, last in _scheduled(call):
        if seconds_of(rule.schedule) is not None:
            follows = True
        elif is_due(rule.schedule, last=last, now=now, zone=zone):
            _enqueue(rule.name)
    if follows:
        # One for each minute, which ends after the next has begun: a rule never waits for one of them.
        enqueue(_HERE + "follow", timeout=300, job_id=f"sync:follow:{now:%H%M}", deduplicate=True)


def follow() -> None:
    """Run the rules that count in seconds, again and again, for a minute and some."""
    call = current()
    until_s = monotonic_s() + _FOLLOWS_FOR_S
    ran_at: dict[str, float] = {}
    while monotonic_s() < until_s:
        waits_s = until_s - monotonic_s()
        for rule, _ in _scheduled(call):
            seconds = seconds_of(rule.schedule)
            if seconds is None:
                continue
            left_s = ran_at.get(rule.name, -1e9) + seconds - monotonic_s()
            if left_s <= 0:
                ran_at[rule.name] = monotonic_s()
                _run_quietly(call, rule.name)
                left_s = seconds
            waits_s = min(waits_s, left_s)
        if not ran_at:
            return
        time.sleep(min(max(waits_s, _SHORTEST_PAUSE_S), _LONGEST_PAUSE_S))


def run_rule(rule: str, reconcile: bool = False) -> dict[str, Any]:
    """Run a rule now, in this job, and return what it did."""
    return _shown(current().site.sync.runner().run(rule, reconciles=reconcile))


@whitelist(methods=["POST"])
def run(rule: str, reconcile: bool = False, wait: bool = False) -> dict[str, Any]:
    """Queue a run of a rule; what becomes of it stands in its Sync Run and its Sync Checkpoint.

    Args:
        reconcile: Compare the keys of both sides too.
        wait: Run it within this call instead, and return what it did.
    """
    call = current()
    access.check_doctype(call.site.documents.registry.get(RULE), "write", call.actor)
    if wait:
        return run_rule(rule, reconcile)
    load_rule(call.site.documents, call.tx, rule)
    return {"queued": _enqueue(rule, reconcile=reconcile) is not None}


@whitelist(methods=["GET"])
def get_overview() -> dict[str, Any]:
    """Return how the rules stand, each with its last run, what is in conflict with both versions, and what is parked."""
    call = current()
    context, tx = call.site.documents, call.tx
    access.check_doctype(context.registry.get(RULE), "read", call.actor)
    rules = [
        {**asdict(line), "last_run": overview.last_run(context, tx, line.name)} for line in overview.lines(context, tx)
    ]
    found = overview.conflicts(context, tx, with_versions=True, limit=_MOST_SHOWN)
    return {"rules": rules, "conflicts": found, "parked": overview.parked_rows(context, tx, limit=_MOST_SHOWN)}


@whitelist(methods=["POST"])
def resolve(conflict: str, choice: str, values: Any = None) -> dict[str, Any]:
    """Settle a conflict: ``theirs``, ``ours``, or ``merged`` with the values of both."""
    call = current()
    access.check_doctype(call.site.documents.registry.get(RULE), "write", call.actor)
    home = call.site.sync.home(site_id=call.site.sync.known_id(call.tx))
    chosen = resolving.choice_of(choice)
    resolving.resolve(home, call.tx, conflict, chosen, values=_object(values), actor=call.actor)
    return {"conflict": conflict, "resolution": chosen.value}


@whitelist(methods=["POST"])
def test_remote_site(remote_site: str) -> dict[str, Any]:
    """Call a Remote Site, keep what it says of itself, and return it: its kind, its zone, and who this site is there."""
    call = current()
    context, services = call.site.documents, call.site.sync
    access.check_doctype(context.registry.get(REMOTE_SITE), "write", call.actor)
    remote = reading(services.database, lambda tx: load_site(context, tx, remote_site))
    with connecting.client_of(remote, retries=NO_RETRIES) as client:
        greeting = connecting.greet(client)
    note_greeting(services.home(site_id=reading(services.database, services.known_id)), call.tx, remote, greeting)
    return asdict(greeting)


@whitelist(methods=["POST"])
def retry(parked: str) -> dict[str, Any]:
    """Try a parked row again now: its time becomes the present, and its rule runs."""
    call = current()
    context = call.site.documents
    access.check_doctype(context.registry.get(RULE), "write", call.actor)
    doctype = context.registry.get(logbook.PARKED)
    row = store.load(context, call.tx, doctype, parked)
    store.set_columns(context, call.tx, doctype, parked, {"next_attempt_at": context.clock()})
    return {"queued": _enqueue(str(row["sync_rule"])) is not None}


@whitelist(methods=["POST"])
def discard(parked: str) -> dict[str, Any]:
    """Forget a parked row: the document stays as it is until it is changed at its source again."""
    call = current()
    context = call.site.documents
    access.check_doctype(context.registry.get(RULE), "write", call.actor)
    store.load(context, call.tx, context.registry.get(logbook.PARKED), parked)
    logbook.unpark(context, call.tx, parked)
    return {"discarded": parked}


def _enqueue(rule: str, *, reconcile: bool = False) -> Any:
    return enqueue(
        _HERE + "run_rule",
        queue="long",
        timeout=_RUN_FOR_S,
        job_id=f"sync:{rule}{':reconcile' if reconcile else ''}",
        deduplicate=True,
        rule=rule,
        reconcile=reconcile,
    )


def _scheduled(call: Call) -> list[tuple[Rule, Any]]:
    """Return the rules that have a schedule, each with when it last looked."""
    context = call.site.documents
    with_schedule = {"enabled": 1, "schedule": ["is", "set"], "pattern": ["!=", Pattern.BROKER.value]}

    def read(tx: Any) -> list[tuple[Rule, Any]]:
        names = rule_names(context, tx, with_schedule)
        return [(load_rule(context, tx, name), checkpoint.load(context, tx, name).looked_at) for name in names]

    return reading(call.site.sync.database, read)


def _run_quietly(call: Call, rule: str) -> None:
    """Run a rule; a failure stands in its checkpoint, and the others go on."""
    try:
        call.site.sync.runner().run(rule)
    except RuleRunning:
        return
    except DemitasseError as error:
        _log.warning("sync.failed", rule=rule, error=error.message)


def _shown(ran: Ran) -> dict[str, Any]:
    counts = {name: getattr(ran.counts, name) for name in type(ran.counts).__slots__}
    return {"rule": ran.rule, "kind": ran.kind, **counts, "duration_s": ran.duration_s, "lag_s": ran.lag_s}


def _object(values: Any) -> Mapping[str, Any] | None:
    found = json.decode(values) if isinstance(values, str) and values else values
    if found and not isinstance(found, Mapping):
        message = "values must be an object of fields"
        raise DocumentError(message, argument="values")
    return found or None
