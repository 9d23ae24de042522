"""Settling a conflict as a person decides: theirs, ours, or values that are made of both."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum
from typing import Any

from demitasse.auth.model import Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations
from demitasse.documents import store as document_store
from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.sync import logbook, store
from demitasse.sync.apply import Batch
from demitasse.sync.arrivals import Applier
from demitasse.sync.errors import NothingToResolve, SyncError
from demitasse.sync.model import Policy, Position, Tombstone
from demitasse.sync.parked import unstamped
from demitasse.sync.ports import Home
from demitasse.sync.rules import load_rule, load_site


class Choice(Enum):
    """What is to stand; the value is what the conflict then says."""

    THEIRS = "Use Theirs"
    OURS = "Keep Ours"
    MERGED = "Merged"


def choice_of(word: str) -> Choice:
    """Return the choice that a word names: ``theirs``, ``ours`` or ``merged``.

    Raises:
        SyncError: it names none.
    """
    try:
        return Choice[word.strip().upper()]
    except KeyError as error:
        message = f"{word!r} is no way to resolve a conflict: use theirs, ours or merged"
        raise SyncError(message) from error


def resolve(
    home: Home, tx: Transaction, name: str, choice: Choice, *, values: Mapping[str, Any] | None = None, actor: Actor
) -> None:
    """Settle an open conflict as part of ``tx``.

    Args:
        values: With MERGED: what the document gets, by field.

    Raises:
        NothingToResolve: it is settled already, or our document is gone.
        DocumentError: what was chosen cannot be written.
    """
    context = home.context
    conflict = document_store.load(context, tx, context.registry.get(logbook.CONFLICT), name)
    if conflict["status"] != "Open":
        message = f"Conflict {name} was settled already: {conflict['resolution']}"
        raise NothingToResolve(message, conflict=name)
    if choice is Choice.THEIRS:
        _take_theirs(home, tx, conflict)
    elif choice is Choice.MERGED:
        _merge(home, tx, conflict, values or {}, actor=actor)
    _note_base(tx, conflict, choice)
    logbook.settle(context, tx, name, choice.value, user=actor.user)


def _take_theirs(home: Home, tx: Transaction, conflict: Record) -> None:
    rule = load_rule(home.context, tx, str(conflict["sync_rule"]))
    remote = load_site(home.context, tx, rule.site)
    applier = Applier(
        home.context,
        site=rule.site,
        peer=remote.site_id,
        own_site=home.site_id,
        rules={rule.doctype: replace(rule, policy=Policy.SOURCE_WINS)},
    )
    batch = Batch(applier, tx)
    stamp = json.decode(conflict["remote_stamp"])
    if conflict["kind"] == logbook.DELETED_THERE:
        batch.force_deletion(
            Tombstone(
                doctype=rule.doctype,
                name=conflict["remote_name"],
                position=Position(*stamp["position"]),
                deleted_at=datetime.fromisoformat(stamp["deleted_at"]),
                new_name=stamp.get("new_name"),
                origin=stamp["origin"],
            )
        )
    else:
        values = json.decode(conflict["remote_version"])
        batch.force(*applier.prepare([unstamped(rule.doctype, conflict["remote_name"], values, stamp)]))
    batch.finish()


def _merge(home: Home, tx: Transaction, conflict: Record, values: Mapping[str, Any], *, actor: Actor) -> None:
    """Write values of both versions as an edit of ours."""
    context = home.context
    doctype = context.registry.get(str(conflict["document_type"]))
    record = document_store.find(context, tx, doctype, str(conflict["document"]))
    if record is None:
        message = f"{doctype.name} {conflict['document']} is gone here: take theirs, or keep it gone with ours"
        raise NothingToResolve(message, conflict=conflict.name)
    building.assign(context, record, {key: value for key, value in values.items() if key != "modified"})
    operations.save(context, tx, record, actor=actor)


def _note_base(tx: Transaction, conflict: Record, choice: Choice) -> None:
    """Keep a deletion that was decided against from being asked again."""
    if choice is not Choice.OURS or conflict["kind"] == logbook.BOTH_CHANGED:
        return
    site, doctype, name = conflict["remote_site"], conflict["remote_doctype"], conflict["remote_name"]
    found = store.marks_of(tx, site, doctype, [name])
    store.put_marks(tx, [replace(mark, is_deleted=True) for mark in found.values()])
