"""Renaming a document, with the controller's ``before_rename`` and ``after_rename``."""

from collections.abc import Mapping
from typing import Any

from demitasse.documents import renaming
from demitasse.frappe.context import current
from demitasse.frappe.messages import msgprint
from demitasse.frappe.model.document import Document


def rename(document: Document, new: str, *, merge: bool) -> str:
    """Give a stored document another name, or merge it into another document, and return the name.

    A controller's ``before_rename(old, new, merge)`` may return another new name, as text or as ``{"new": name}``.
    """
    call = current()
    old = str(document.name)
    changed: Any = _run(document, "before_rename", old, new, merge=merge)
    if isinstance(changed, Mapping):
        changed = changed.get("new")
    if isinstance(changed, str) and changed:
        new = changed
    record = document._record  # noqa: SLF001 - made by this room
    with call.tx.savepoint():
        name = renaming.rename(call.site.documents, call.tx, record, new, actor=call.actor, merges=merge)
        _run(document, "after_rename", old, name, merge=merge)
    msgprint(f"Document renamed from <strong>{old}</strong> to <strong>{name}</strong>", indicator="green", alert=True)
    return name


def _run(document: Document, event: str, old: str, new: str, *, merge: bool) -> Any:
    found = getattr(type(document), event, None)
    return found(document, old, new, merge) if found is not None else None
