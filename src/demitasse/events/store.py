"""The webhooks as the site has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from demitasse.db.transaction import Transaction

_COLUMNS = (
    "name",
    "webhook_doctype",
    "webhook_docevent",
    "condition",
    "request_url",
    "is_dynamic_url",
    "request_method",
    "request_structure",
    "webhook_json",
    "ordering",
    "paused",
)
_LISTED = ", ".join(f'"{name}"' for name in _COLUMNS)
_OF_EVENTS = """"enabled" = 1 AND coalesce("sync_rule", '') = ''"""
_WEBHOOKS = f'SELECT {_LISTED} FROM "tabWebhook" WHERE {_OF_EVENTS} ORDER BY "name"'  # noqa: S608 - constants
_HEADERS = 'SELECT "parent", "key", "value" FROM "tabWebhook Header" WHERE "parenttype" = ? ORDER BY "parent", "idx"'
_FIELDS = 'SELECT "parent", "fieldname", "key" FROM "tabWebhook Data" WHERE "parenttype" = ? ORDER BY "parent", "idx"'


def enabled_webhooks(tx: Transaction) -> Sequence[Mapping[str, Any]]:
    """Return every webhook that is switched on and listens to events itself, by name, with ``headers`` and ``data`` as pairs."""
    headers, fields = _pairs(tx, _HEADERS), _pairs(tx, _FIELDS)
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in tx.execute(_WEBHOOKS)]
    for webhook in found:
        webhook["headers"] = headers.get(webhook["name"], [])
        webhook["data"] = fields.get(webhook["name"], [])
    return found


def _pairs(tx: Transaction, sql: str) -> dict[str, list[tuple[str, str]]]:
    pairs: dict[str, list[tuple[str, str]]] = {}
    for parent, first, second in tx.execute(sql, ("Webhook",)):
        pairs.setdefault(parent, []).append((first, second or ""))
    return pairs
