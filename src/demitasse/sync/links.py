"""Which documents a document needs: the targets of its links, and which of them are not here."""

from collections.abc import Iterable, Mapping
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.context import DocumentContext
from demitasse.documents.store import names_of
from demitasse.sync import store

Target = tuple[str, str]
"""A DocType and a name."""
_NOT_FETCHED = frozenset({"DocType", "[Select]"})


def targets_of(context: DocumentContext, doctype: DocType, values: Mapping[str, Any]) -> set[Target]:
    """Return what the links of mapped values, and of their rows, lead to."""
    found: set[Target] = set()
    _collect(context, doctype, values, found)
    for field in doctype.table_fields:
        child = context.registry.get(field.options or "")
        for row in values.get(field.name) or ():
            _collect(context, child, row, found)
    return found


def _collect(context: DocumentContext, doctype: DocType, values: Mapping[str, Any], found: set[Target]) -> None:
    plan = context.plan(doctype)
    for field in plan.links:
        value = values.get(field.name)
        if value and field.options not in _NOT_FETCHED:
            found.add((field.options or "", str(value)))
    for field in plan.dynamic_links:
        value, target = values.get(field.name), values.get(field.options or "")
        if value and target:
            found.add((str(target), str(value)))


def missing(context: DocumentContext, tx: Transaction, targets: Iterable[Target], *, known: set[Target]) -> set[Target]:
    """Return the targets that are not here; those that are are added to ``known``."""
    wanted: dict[str, list[str]] = {}
    for target in targets:
        if target not in known:
            wanted.setdefault(target[0], []).append(target[1])
    gone: set[Target] = set()
    for kind, names in wanted.items():
        doctype = context.registry.find(kind)
        if doctype is None or doctype.is_single:
            gone.update((kind, name) for name in names)
            continue
        for start in range(0, len(names), store.CHUNK):
            chunk = names[start : start + store.CHUNK]
            here = names_of(context, tx, doctype, chunk)
            known.update((kind, name) for name in here)
            gone.update((kind, name) for name in chunk if name not in here)
    return gone


def translate(doctype: DocType, context: DocumentContext, values: dict[str, Any], names: Mapping[Target, str]) -> None:
    """Let links lead to what their targets are called here.

    Args:
        names: Names here by targets as the source names them, where they differ.
    """
    _translate(context, doctype, values, names)
    for field in doctype.table_fields:
        child = context.registry.get(field.options or "")
        for row in values.get(field.name) or ():
            _translate(context, child, row, names)


def _translate(context: DocumentContext, doctype: DocType, values: dict[str, Any], names: Mapping[Target, str]) -> None:
    plan = context.plan(doctype)
    for field in plan.links:
        here = names.get((field.options or "", str(values.get(field.name))))
        if here is not None:
            values[field.name] = here
    for field in plan.dynamic_links:
        here = names.get((str(values.get(field.options or "")), str(values.get(field.name))))
        if here is not None:
            values[field.name] = here
