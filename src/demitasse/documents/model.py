"""A document in memory, and what happened to one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from demitasse.doctypes.model import DocType


class DocStatus(IntEnum):
    """The three states of a document."""

    DRAFT = 0
    SUBMITTED = 1
    CANCELLED = 2


class Record:
    """One document: its DocType, its values by canonical field name, child rows as lists of records.

    Args:
        values: Kept values (see ``doctypes.field_types``); the record owns the mapping.
        is_new: It has not been inserted yet.
    """

    __slots__ = ("before", "doctype", "flags", "is_new", "unknown", "values", "view")

    def __init__(self, doctype: DocType, values: dict[str, Any], *, is_new: bool) -> None:
        self.doctype = doctype
        self.values = values
        self.is_new = is_new
        self.before: Record | None = None
        self.unknown: tuple[str, ...] = ()
        self.flags: dict[str, Any] = {}
        self.view: Any = None  # the object that app code holds for this record, kept by the room that makes it

    @property
    def name(self) -> str:
        """The document's name; empty before it has one."""
        return self.values.get("name") or ""

    @property
    def docstatus(self) -> int:
        """0 draft, 1 submitted, 2 cancelled."""
        return self.values.get("docstatus") or 0

    @property
    def modified(self) -> datetime | None:
        """When it was last changed; aware, UTC."""
        return self.values.get("modified")

    def __getitem__(self, field: str) -> Any:
        return self.values.get(field)

    def __setitem__(self, field: str, value: Any) -> None:
        self.values[field] = value

    def rows(self, field: str) -> list["Record"]:
        """Return the child rows of a table field, in order."""
        return self.values.get(field) or []

    def children(self) -> Iterator[tuple[str, "Record"]]:
        """Yield every child row with the name of its table field."""
        for field in self.doctype.table_fields:
            for row in self.values.get(field.name) or ():
                yield field.name, row

    def snapshot(self) -> "Record":
        """Return a copy that later changes of this record do not reach."""
        values = self.values.copy()
        for field in self.doctype.table_fields:
            rows = values.get(field.name)
            if rows:
                values[field.name] = [row.snapshot() for row in rows]
        copy = Record(self.doctype, values, is_new=False)
        copy.before = self.before
        copy.flags = self.flags.copy()
        return copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of one document, as an entry of the transaction's journal.

    Args:
        event: The name of the hook: ``after_insert``, ``on_update``, ``on_submit``, ...
        record: The document as it was then; ``None`` where only columns were set: it is read again when needed.
        before: The document before the change, if there was one.
        user: Who did it.
        former_name: What it was called before, where it was renamed.
    """

    event: str
    doctype: str
    name: str
    record: Record | None
    before: Record | None
    user: str
    former_name: str | None = None


Values = Mapping[str, Any]
