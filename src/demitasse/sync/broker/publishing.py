"""From changes of documents to messages: noted with the change, sent as the document is when it is sent.

A document that changed several times since is one message. Messages of a stream are numbered by the changes, so that a
batch which is sent again after a crash is known for what it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.codec import moment_to_text
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Happening
from demitasse.sync import envelope, serving
from demitasse.sync import store as sync_store
from demitasse.sync.broker import store
from demitasse.sync.broker.chain import BEGINS
from demitasse.sync.broker.messages import encode
from demitasse.sync.identity import identity
from demitasse.sync.model import Pattern, Position, Rule, Tombstone, moment_of

BATCH = 200
_RULE = "Sync Rule"
_CHANGED, _RENAMED = "on_change", "after_rename"
_EVENTS = frozenset({_CHANGED, _RENAMED, "on_trash"})


class ChangeNotes:
    """Notes the changes of published DocTypes in the transactions that make them.

    Where nothing is published a write costs what it cost before.
    """

    def __init__(self) -> None:
        self.on_noted: Callable[[], None] | None = None
        self.on_rules_changed: Callable[[], None] | None = None
        self._published: frozenset[str] | None = None

    def forget(self) -> None:
        """Read anew which DocTypes are published."""
        self._published = None
        if self.on_rules_changed is not None:
            self.on_rules_changed()

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether the event of a DocType is to be kept in the journal."""
        if event not in _EVENTS:
            return False
        return self._published is None or doctype in self._published or doctype == _RULE

    def collect(self, tx: Transaction) -> None:
        """Note what the transaction's journal tells, as a part of the transaction."""
        happenings: list[Happening] = [each for each in tx.journal if each.event in _EVENTS]
        if any(each.doctype == _RULE for each in happenings):
            tx.after_commit(self.forget)
        published = self._published
        if published is None:
            published = self._published = store.published_doctypes(tx)
        changed: dict[tuple[str, str], None] = {}
        for happening in happenings:
            if happening.doctype in published:
                for name in _names(tx, happening):
                    changed.pop((happening.doctype, name), None)
                    changed[happening.doctype, name] = None
        if changed:
            store.note(tx, list(changed))
            if self.on_noted is not None:
                tx.after_commit(self.on_noted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages to send, and how far the stream has then come."""

    bodies: Sequence[tuple[str, bytes]]
    last: int
    previous: int


def stream_of(rule: Rule, *, site_id: str) -> str:
    """Return the name of a rule's stream.

    Args:
        site_id: Of the site that publishes.
    """
    doctype = rule.local_doctype if rule.pattern is Pattern.PUBLISH else rule.doctype
    return rule.stream or f"demitasse.{site_id}.{doctype}".replace(" ", "_")


def next_batch(context: DocumentContext, tx: Transaction, rule: Rule, stream: str) -> Batch | None:
    """Return what a stream does not have yet, as it is now; ``None`` where it has all."""
    place = store.sent(tx, stream)
    if place is None:
        return None
    last, previous = place
    rows = store.changed_after(tx, rule.local_doctype, last, limit=BATCH)
    if not rows:
        return None
    numbers = {name: number for number, name in rows}
    doctype = context.registry.get(rule.local_doctype)
    asked = serving.Asked(doctype=doctype, actor=ADMINISTRATOR_ACTOR, filters=rule.filters)
    pages = pages_of(serving.documents(context, tx, asked, list(numbers)))
    site = identity(tx)
    bodies: list[tuple[str, bytes]] = []
    for name, number in sorted(numbers.items(), key=lambda entry: entry[1]):
        page = pages.get(name)
        if page is not None:
            push = envelope.change(site, doctype.name, sequence=number, page=page)
        else:
            push = envelope.deletion(site, _gone(context, tx, doctype, name), sequence=number)
        bodies.append((f"{site}:{number}", encode(push, identifier=number, previous=previous)))
        previous = number
    return Batch(bodies=bodies, last=rows[-1][0], previous=previous)


def pages_of(page: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return a page of documents as one page for each, by their names."""
    fields: Sequence[str] = page["fields"]
    name_at = fields.index("name")
    tables = {field: (table["fields"], _by_parent(table)) for field, table in page["tables"].items()}
    found: dict[str, Mapping[str, Any]] = {}
    for row, version in zip(page["rows"], page["versions"], strict=True):
        name = row[name_at]
        own = {field: {"fields": columns, "rows": rows.get(name, [])} for field, (columns, rows) in tables.items()}
        found[name] = {"fields": fields, "rows": [row], "tables": own, "versions": [version]}
    return found


def begin(tx: Transaction, rule: Rule, stream: str) -> None:
    """Let a stream start with the changes that are noted; its first message has readers fetch what was before."""
    if store.sent(tx, stream) is None:
        store.put_sent(tx, stream, last=store.number_before(tx, rule.local_doctype), previous=BEGINS)


def confirm(tx: Transaction, rule: Rule, stream: str, batch: Batch, *, others: Sequence[str]) -> None:
    """Write that the broker has a batch, and forget what every stream of the DocType has.

    Args:
        others: The other streams that publish the DocType.
    """
    store.put_sent(tx, stream, last=batch.last, previous=batch.previous)
    places = [place[0] for other in others if (place := store.sent(tx, other)) is not None]
    store.forget_changes(tx, rule.local_doctype, until=min([batch.last, *places]))


def _names(tx: Transaction, happening: Happening) -> list[str]:
    if happening.event != _RENAMED:
        return [happening.name]
    before = happening.before.name if happening.before is not None else None
    old = before if before != happening.name else store.old_name(tx, happening.doctype, happening.name)
    return [old, happening.name] if old else [happening.name]


def _gone(context: DocumentContext, tx: Transaction, doctype: DocType, name: str) -> Tombstone:
    """Return the tombstone of a document; one that is there and no longer matches the filters is gone too."""
    row = store.tombstone(tx, doctype.name, name)
    if row is None or sync_store.local_rows(tx, doctype, [name]):
        stamp, new_name, origin = moment_to_text(context.clock()), None, ""
    else:
        stamp, new_name, origin = sync_store.stamp_of(row[0]), row[1], row[2] or ""
    return Tombstone(
        doctype=doctype.name,
        name=name,
        position=Position(stamp, name),
        deleted_at=moment_of(stamp, zone=UTC),
        new_name=new_name or None,
        origin=origin,
    )


def _by_parent(table: Mapping[str, Any]) -> dict[str, list[Any]]:
    at = table["fields"].index("parent")
    found: dict[str, list[Any]] = {}
    for row in table["rows"]:
        found.setdefault(row[at], []).append(row)
    return found
