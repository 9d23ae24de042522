"""Writing one document as its source has it: inserted, changed, submitted, cancelled, replaced, deleted.

The documents' own rules hold: hooks run, values are checked, events are told. Only permissions do not count, since the
rule gives them, and links are looked up by the caller, for many documents at once.
"""

from collections.abc import Mapping
from typing import Any

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.codec import moment_to_text
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import building, operations, renaming, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import ChangedAfterSubmit, DocumentError, DuplicateName
from demitasse.documents.model import DocStatus, Record
from demitasse.documents.tombstones import ORIGIN_FLAG
from demitasse.sync.mapping import differing, name_rows

Values = Mapping[str, Any]
_ACTOR = ADMINISTRATOR_ACTOR


class Writer:
    """Writes documents that come from one site."""

    def __init__(self, context: DocumentContext) -> None:
        self._context = context

    def insert(
        self, tx: Transaction, doctype: DocType, values: Values, *, name: str | None, docstatus: int, origin: str
    ) -> Record:
        """Make a document, in the state that it has at its source."""
        try:
            with tx.savepoint():
                record = self._insert(tx, doctype, values, name=name, docstatus=docstatus, origin=origin, keeps=True)
        except DuplicateName:
            if name is None or store.exists(tx, doctype, name):
                raise
            # A row of another document has the name of one of these: they get names of their own.
            record = self._insert(tx, doctype, values, name=name, docstatus=docstatus, origin=origin, keeps=False)
        return record

    def update(
        self,
        tx: Transaction,
        doctype: DocType,
        name: str,
        values: Values,
        *,
        docstatus: int,
        origin: str,
        child_keys: Mapping[str, str],
    ) -> tuple[Record, bool]:
        """Change a document to what its source has; return it, and whether anything was different."""
        context = self._context
        record = store.load(context, tx, doctype, name)
        before = record.snapshot()
        old = record.docstatus
        for field in doctype.table_fields:
            if field.name in values:
                name_rows(values[field.name], record.rows(field.name), key=child_keys.get(field.name))
        building.assign(context, record, values)
        _name_new_rows(record, values)
        status = docstatus if doctype.is_submittable else DocStatus.DRAFT
        if status < old:
            return self._replace(tx, before, values, docstatus=status, origin=origin), True
        if status == old and _is_equal(before, record):
            return before, False
        _flag(record, origin)
        if status == old == DocStatus.CANCELLED:
            return self._write_directly(tx, before, record), True
        if old == DocStatus.DRAFT and status == DocStatus.CANCELLED:
            record.values["docstatus"] = DocStatus.SUBMITTED
            operations.save(context, tx, record, actor=_ACTOR)
        record.values["docstatus"] = int(status)
        try:
            with tx.savepoint():
                operations.save(context, tx, record, actor=_ACTOR)
        except ChangedAfterSubmit:
            # The source changed it past the life of the document (db_set), and so it is followed.
            return self._write_directly(tx, before, record), True
        return record, True

    def delete(self, tx: Transaction, doctype: DocType, name: str, *, origin: str) -> None:
        """Remove a document; one in force is cancelled first."""
        record = store.load(self._context, tx, doctype, name)
        _flag(record, origin)
        if record.docstatus == DocStatus.SUBMITTED:
            record.values["docstatus"] = int(DocStatus.CANCELLED)
            operations.save(self._context, tx, record, actor=_ACTOR)
        record.flags.pop("ignore_links")
        operations.delete(self._context, tx, record, actor=_ACTOR)

    def rename(self, tx: Transaction, doctype: DocType, old: str, new: str, *, origin: str) -> None:
        """Give a document its source's new name; where that is taken by its later state, both become one."""
        record = store.load(self._context, tx, doctype, old)
        _flag(record, origin)
        merges = store.exists(tx, doctype, new)
        renaming.rename(self._context, tx, record, new, actor=_ACTOR, merges=merges)

    def _insert(
        self,
        tx: Transaction,
        doctype: DocType,
        values: Values,
        *,
        name: str | None,
        docstatus: int,
        origin: str,
        keeps: bool,
    ) -> Record:
        record = building.new_record(self._context, doctype, values)
        if keeps:
            _name_new_rows(record, values)
        _flag(record, origin)
        if name is not None:
            record.values["name"] = name
            record.flags["name_set"] = True
        status = docstatus if doctype.is_submittable else DocStatus.DRAFT
        record.values["docstatus"] = min(int(status), int(DocStatus.SUBMITTED))
        operations.insert(self._context, tx, record, actor=_ACTOR)
        if status == DocStatus.CANCELLED:
            record.values["docstatus"] = int(DocStatus.CANCELLED)
            operations.save(self._context, tx, record, actor=_ACTOR)
        return record

    def _replace(self, tx: Transaction, old: Record, values: Values, *, docstatus: int, origin: str) -> Record:
        """Put a new document in the place of one that cannot become it: it was deleted and made anew at the source."""
        self.delete(tx, old.doctype, old.name, origin=origin)
        return self.insert(tx, old.doctype, values, name=old.name, docstatus=docstatus, origin=origin)

    def _write_directly(self, tx: Transaction, before: Record, record: Record) -> Record:
        """Write plain fields past the life of a document that is in force or cancelled.

        Raises:
            DocumentError: its rows differ: those cannot be changed.
        """
        for field in record.doctype.table_fields:
            if _rows(before, field.name) != _rows(record, field.name):
                message = f"{field.label} of {record.doctype.name} {record.name} cannot be changed any more"
                raise DocumentError(message, doctype=record.doctype.name, name=record.name, field=field.name)
        changed = differing(before, record.values)
        operations.set_values(self._context, tx, record.doctype, record.name, changed, actor=_ACTOR)
        return store.load(self._context, tx, record.doctype, record.name)


def stamp(record: Record) -> str:
    """Return a document's ``modified`` as marks keep it."""
    return moment_to_text(record.modified) if record.modified else ""


def _flag(record: Record, origin: str) -> None:
    record.flags.update(ignore_permissions=True, ignore_links=True, **{ORIGIN_FLAG: origin})


def _name_new_rows(record: Record, values: Values) -> None:
    """Give new rows the names that they have at the source, so that later changes find them."""
    for field in record.doctype.table_fields:
        for row, given in zip(record.rows(field.name), values.get(field.name) or (), strict=False):
            if row.is_new and given.get("name"):
                row.values["name"] = given["name"]


def _is_equal(before: Record, after: Record) -> bool:
    if differing(before, after.values):
        return False
    return all(_rows(before, f.name) == _rows(after, f.name) for f in after.doctype.table_fields)


def _rows(record: Record, field: str) -> list[list[Any]]:
    return [
        [
            row.name,
            *(
                row[f.name] if row[f.name] is not None else f.type.empty
                for f in row.doctype.data_fields
                if not f.type.is_secret
            ),
        ]
        for row in record.rows(field)
    ]
