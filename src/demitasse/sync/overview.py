"""How the rules of a site stand, at a glance: for commands and the Desk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents.context import DocumentContext
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import logbook
from demitasse.sync.rules import load_rule, rule_names
from demitasse.sync.running import RUN

Rows = list[dict[str, Any]]
_PARKED = ("name", "sync_rule", "remote_doctype", "remote_name", "kind", "error_type", "error", "attempts")
_CONFLICT = (
    "name",
    "sync_rule",
    "remote_site",
    "document_type",
    "document",
    "kind",
    "status",
    "resolution",
    "creation",
)
_RUN = (
    "kind",
    "status",
    "ended_at",
    "inserted",
    "updated",
    "renamed",
    "deleted",
    "parked",
    "conflicts",
    "reason",
    "error",
)


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
    looked_at: datetime | None
    lag_s: float
    parked: int
    conflicts: int
    last_error: str


def lines(context: DocumentContext, tx: Transaction) -> list[RuleLine]:
    """Return how every rule stands, by name."""
    parked = _counted(context, tx, logbook.PARKED, {})
    conflicts = _counted(context, tx, logbook.CONFLICT, {"status": "Open"})
    return [_line(context, tx, name, parked, conflicts) for name in rule_names(context, tx, {})]


def last_run(context: DocumentContext, tx: Transaction, rule: str) -> dict[str, Any] | None:
    """Return the last run of a rule that did something or failed."""
    found = _rows(context, tx, RUN, _RUN, {"sync_rule": rule}, order_by="started_at desc", limit=1)
    return found[0] if found else None


def parked_rows(context: DocumentContext, tx: Transaction, rule: str | None = None, *, limit: int = 0) -> Rows:
    """Return what is parked, the oldest first."""
    filters = {"sync_rule": rule} if rule else {}
    fields = (*_PARKED, "next_attempt_at", "creation")
    return _rows(context, tx, logbook.PARKED, fields, filters, order_by="creation asc", limit=limit)


def conflicts(
    context: DocumentContext,
    tx: Transaction,
    rule: str | None = None,
    *,
    is_all: bool = False,
    with_versions: bool = False,
    limit: int = 0,
) -> Rows:
    """Return conflicts, the oldest first; without ``is_all`` those that are open."""
    filters = {**({"sync_rule": rule} if rule else {}), **({} if is_all else {"status": "Open"})}
    fields = (*_CONFLICT, *(("local_version", "remote_version") if with_versions else ()))
    return _rows(context, tx, logbook.CONFLICT, fields, filters, order_by="creation asc", limit=limit)


def _line(
    context: DocumentContext, tx: Transaction, name: str, parked: Mapping[str, int], conflicts: Mapping[str, int]
) -> RuleLine:
    rule = load_rule(context, tx, name)
    found = checkpoints.load(context, tx, name)
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


def _counted(context: DocumentContext, tx: Transaction, doctype: str, filters: Mapping[str, Any]) -> dict[str, int]:
    found = queries.select(
        context,
        tx,
        context.registry.get(doctype),
        actor=None,
        fields=["sync_rule", "count(name) as total"],
        filters=dict(filters),
        group_by="sync_rule",
        limit=0,
    )
    return {row[0]: row[1] for row in found.rows}


def _rows(
    context: DocumentContext,
    tx: Transaction,
    doctype: str,
    fields: Sequence[str],
    filters: Mapping[str, Any],
    **asked: Any,
) -> Rows:
    found = queries.select(
        context, tx, context.registry.get(doctype), actor=None, fields=list(fields), filters=dict(filters), **asked
    )
    return found.as_dicts()
