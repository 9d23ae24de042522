"""Sync Rules and Remote Sites, read from their documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.sync import store as sync_store
from demitasse.sync.errors import SyncError, UnknownRule
from demitasse.sync.model import Naming, Pattern, Policy, Rule

RULE = "Sync Rule"
REMOTE_SITE = "Remote Site"
_MOST_PAGE = 2_000
_OWN = frozenset(
    {
        "Connected App",
        "Custom Field",
        "Deleted Document",
        "Remote Site",
        "Role",
        "Sync Rule",
        "Token Cache",
        "User",
        "Webhook",
    }
)
"""What says who may do what, or how this site talks to others, is each site's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteSite:
    """Another site, and how it is reached.

    Args:
        kind: ``Demitasse`` or ``Frappe``; empty before the first call.
        site_id: By which its own edits are known.
        zone: Of its naive moments.
        parallel: Calls that may be under way at a time.
    """

    name: str
    url: str
    is_enabled: bool
    kind: str = ""
    site_id: str = ""
    zone: tzinfo | None = None
    timeout_s: float = 30.0
    parallel: int = 8
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    push_secret: str = field(default="", repr=False)


def is_own(doctype: DocType) -> bool:
    """Return whether documents of a kind are each site's own: no rule takes them, and no link brings them along."""
    return doctype.is_log or doctype.name in _OWN


def load_rule(context: DocumentContext, tx: Transaction, name: str) -> Rule:
    """Read a rule.

    Raises:
        UnknownRule: there is none of this name; the message names those that there are.
    """
    record = store.find(context, tx, context.registry.get(RULE), name)
    if record is None:
        known = ", ".join(rule_names(context, tx, {})[:20]) or "none yet"
        message = f"There is no Sync Rule {name}. There are: {known}"
        raise UnknownRule(message, rule=name)
    return rule_of(record)


def rule_of(record: Record) -> Rule:
    """Return what a Sync Rule asks for.

    Raises:
        SyncError: its filters are no list of conditions.
    """
    local = str(record["document_type"] or "")
    return Rule(
        name=record.name,
        site=str(record["remote_site"] or ""),
        doctype=str(record["remote_doctype"] or "").strip() or local,
        local_doctype=local,
        pattern=Pattern(record["pattern"] or Pattern.PULL.value),
        policy=Policy(record["conflict_policy"] or Policy.SOURCE_WINS.value),
        naming=Naming(record["naming"] or Naming.SAME_NAME.value),
        filters=filters_of(record["filters"]),
        fields={
            row["remote_field"]: row["local_field"] or row["remote_field"]
            for row in record.rows("field_map")
            if row["remote_field"]
        },
        fixed={row["local_field"]: row["value"] for row in record.rows("fixed_values") if row["local_field"]},
        child_keys={row["table_field"]: row["key_field"] for row in record.rows("child_keys") if row["table_field"]},
        fetches_links=bool(record["fetch_links"]),
        deletes=bool(record["apply_deletes"]),
        page_size=min(max(int(record["page_size"] or 500), 2), _MOST_PAGE),
        lookback_s=max(int(record["lookback_s"] or 0), 0),
        reconcile_every_h=max(int(record["reconcile_every_h"] or 0), 0),
        schedule=str(record["schedule"] or ""),
        is_enabled=bool(record["enabled"]),
        stream=str(record["stream"] or "").strip(),
    )


def filters_of(text: Any) -> list[Any]:
    """Return filters of either of Frappe's forms as a list of conditions.

    Raises:
        SyncError: they are neither.
    """
    if not text:
        return []
    found = json.decode(text) if isinstance(text, str) else text
    if isinstance(found, Mapping):
        return [[key, *value] if isinstance(value, list) else [key, "=", value] for key, value in found.items()]
    if not isinstance(found, list):
        message = 'Filters must be a list such as [["disabled", "=", 0]]'
        raise SyncError(message)
    return found


def load_site(context: DocumentContext, tx: Transaction, name: str) -> RemoteSite:
    """Read a Remote Site with its secrets.

    Raises:
        DocumentNotFound: there is none of this name.
    """
    record = store.load(context, tx, context.registry.get(REMOTE_SITE), name)
    return RemoteSite(
        name=record.name,
        url=str(record["site_url"] or "").strip().rstrip("/"),
        is_enabled=bool(record["enabled"]),
        kind=str(record["kind"] or ""),
        site_id=str(record["site_id"] or ""),
        zone=zone_of(record["time_zone"]),
        timeout_s=float(record["timeout"] or 30),
        parallel=min(max(int(record["parallel_requests"] or 8), 1), 32),
        api_key=str(record["api_key"] or ""),
        api_secret=_secret(context, tx, record, "api_secret"),
        push_secret=_secret(context, tx, record, "push_secret"),
    )


def zone_of(name: Any) -> tzinfo | None:
    """Return a time zone by its name, ``None`` for none.

    Raises:
        SyncError: there is no such zone.
    """
    if not name:
        return None
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"{name!r} is no time zone: write one such as Asia/Kolkata"
        raise SyncError(message) from error


def rule_names(context: DocumentContext, tx: Transaction, filters: Mapping[str, Any]) -> list[str]:
    """Return the names of rules that match, in order."""
    doctype = context.registry.get(RULE)
    found = queries.select(
        context, tx, doctype, actor=None, fields=["name"], filters=dict(filters), order_by="name asc", limit=0
    )
    return [row[0] for row in found.rows]


def rules_of_site(context: DocumentContext, tx: Transaction, site: str) -> dict[str, Rule]:
    """Return the enabled rules by which this site takes documents of another one, by their DocType there."""
    found: dict[str, Rule] = {}
    for name in rule_names(context, tx, {"remote_site": site, "enabled": 1}):
        rule = load_rule(context, tx, name)
        if rule.pattern not in {Pattern.PUSH, Pattern.PUBLISH}:
            found.setdefault(rule.doctype, rule)
    return found


def _secret(context: DocumentContext, tx: Transaction, record: Record, name: str) -> str:
    if not record[name]:
        return ""
    return store.read_secret(context, tx, record.doctype, record.name, name) or ""


def forget_rule(tx: Transaction, name: str) -> None:
    """Remove what only a rule that is gone has needed; marks stay, since the documents are what they were."""
    for doctype in ("Sync Checkpoint", "Sync Parked Row"):
        sync_store.forget_rows_of(tx, doctype, name)
