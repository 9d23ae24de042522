"""Pushing: each change of a document under a Push rule becomes a signed delivery to the peer, in its own transaction.

A rule owns a Webhook, which has the address, the secret, the order and the retries; what goes out is written here,
since it must hold the edit's origin, which no template knows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Happening
from demitasse.documents.tombstones import ORIGIN_FLAG
from demitasse.outbox.model import NewDelivery, QueuedDelivery, order_key
from demitasse.outbox.operations import enqueue, next_sequence
from demitasse.sync import envelope, serving, store
from demitasse.sync.identity import identity
from demitasse.sync.model import Position, Tombstone
from demitasse.sync.rules import filters_of

_CHANGED, _REMOVED, _RENAMED = "on_change", "on_trash", "after_rename"
_EVENTS = frozenset({_CHANGED, _REMOVED, _RENAMED})
Announce = Callable[[Transaction, Sequence[QueuedDelivery]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRule:
    """A rule that pushes.

    Args:
        site: The Remote Site's name here.
        webhook: That carries its deliveries.
    """

    name: str
    site: str
    doctype: str
    remote_doctype: str
    filters: Sequence[Any]
    webhook: str
    is_held: bool


class Pushes:
    """The Push rules of a site. Read when first needed, and after ``forget``."""

    def __init__(self) -> None:
        self._found: dict[str, list[PushRule]] | None = None

    def forget(self) -> None:
        """Read the rules anew at the next change."""
        self._found = None

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether changes of a DocType are pushed, or may be: before the first look that is not known."""
        return event in _EVENTS and (self._found is None or doctype in self._found)

    def publish(self, context: DocumentContext, tx: Transaction, announce: Announce) -> None:
        """Queue a delivery for each document that the transaction has changed, for each rule that pushes it."""
        found = self._found
        if found is None:
            found = self._found = _load(tx)
        if not found:
            return
        changed: dict[tuple[str, str], Happening] = {}
        queued: list[QueuedDelivery] = []
        for happening in tx.journal:
            if happening.event in _EVENTS and happening.doctype in found:
                changed[happening.doctype, happening.name] = happening
                if happening.event == _RENAMED and happening.before is not None:
                    queued += self._gone(context, tx, found[happening.doctype], happening, old=happening.before.name)
        for (kind, name), happening in changed.items():
            if happening.event == _REMOVED:
                queued += self._gone(context, tx, found[kind], happening, old=name)
            else:
                queued += push(context, tx, found[kind], name, user=happening.user)
        announce(tx, queued)

    def _gone(
        self, context: DocumentContext, tx: Transaction, rules: Sequence[PushRule], happening: Happening, *, old: str
    ) -> list[QueuedDelivery]:
        """Queue that a document is gone under its old name; not to the site that this came from."""
        origin = str(happening.record.flags.get(ORIGIN_FLAG) or "") if happening.record is not None else ""
        new = happening.name if happening.event == _RENAMED else None
        wanted = [rule for rule in rules if not origin or origin != store.peer_of(tx, rule.site)]
        return push_deletion(context, tx, wanted, old, new_name=new, origin=origin, user=happening.user)


def push(
    context: DocumentContext, tx: Transaction, rules: Sequence[PushRule], name: str, *, user: str
) -> list[QueuedDelivery]:
    """Queue a document as it now is, to every site that did not make the edit which it shows."""
    doctype = context.registry.get(rules[0].doctype)
    asked = serving.Asked(doctype=doctype, actor=ADMINISTRATOR_ACTOR)
    page = serving.documents(context, tx, asked, [name])
    if not page["rows"]:
        return []
    origin, _ = page["versions"][0]
    wanted = [
        rule for rule in rules if origin != store.peer_of(tx, rule.site) and _matches(context, tx, doctype, rule, name)
    ]
    if not wanted:
        return []
    sequence = next_sequence(tx, doctype.name, name)
    own = identity(tx)
    return [
        _queue(
            context,
            tx,
            rule,
            document=name,
            event=_CHANGED,
            sequence=sequence,
            body=envelope.change(own, rule.remote_doctype, sequence=sequence, page=page),
            owner=user,
        )
        for rule in wanted
    ]


def push_deletion(
    context: DocumentContext,
    tx: Transaction,
    rules: Sequence[PushRule],
    name: str,
    *,
    new_name: str | None = None,
    origin: str = "",
    user: str,
) -> list[QueuedDelivery]:
    """Queue that a document is gone, or has another name now."""
    queued = []
    now = context.clock()
    for rule in rules:
        sequence = next_sequence(tx, rule.doctype, name)
        tombstone = Tombstone(
            doctype=rule.remote_doctype,
            name=name,
            position=Position("", name),
            deleted_at=now,
            new_name=new_name,
            origin=origin,
        )
        body = envelope.deletion(identity(tx), tombstone, sequence=sequence)
        event = _RENAMED if new_name else _REMOVED
        queued.append(_queue(context, tx, rule, document=name, event=event, sequence=sequence, body=body, owner=user))
    return queued


def load_push_rule(tx: Transaction, name: str) -> PushRule | None:
    """Return an enabled Push rule by its name."""
    return next((rule for rules in _load(tx).values() for rule in rules if rule.name == name), None)


def _queue(context: DocumentContext, tx: Transaction, rule: PushRule, **told: Any) -> QueuedDelivery:
    new = NewDelivery(
        webhook=rule.webhook,
        doctype=rule.doctype,
        headers=(("Content-Type", "application/json"),),
        order_key=order_key(rule.doctype, told["document"]),
        held=rule.is_held,
        **told,
    )
    return enqueue(tx, new, now=context.clock())


def _matches(context: DocumentContext, tx: Transaction, doctype: DocType, rule: PushRule, name: str) -> bool:
    if not rule.filters:
        return True
    wanted = [*rule.filters, ["name", "=", name]]
    return bool(queries.select(context, tx, doctype, actor=None, fields=["name"], filters=wanted, limit=1).rows)


def _load(tx: Transaction) -> dict[str, list[PushRule]]:
    found: dict[str, list[PushRule]] = {}
    for row in store.push_rules(tx):
        rule = _rule(row)
        found.setdefault(rule.doctype, []).append(rule)
    return found


def _rule(row: Mapping[str, Any]) -> PushRule:
    return PushRule(
        name=row["name"],
        site=row["remote_site"],
        doctype=row["document_type"],
        remote_doctype=row["remote_doctype"] or row["document_type"],
        filters=filters_of(row["filters"]),
        webhook=row["webhook"],
        is_held=bool(row["paused"]),
    )
