"""Which fields of one document an actor may change in its form."""

from dataclasses import dataclass

from demitasse.auth.model import Actor
from demitasse.doctypes.model import Field
from demitasse.documents.model import DocStatus, Record
from demitasse.web.desk import fields as known_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Editing:
    """What may be changed.

    Args:
        may_write: Whether the actor may write (or create) the document at all.
        readable: Permission levels whose fields are shown.
        writable: Permission levels whose fields may be changed.
    """

    record: Record
    may_write: bool
    readable: frozenset[int]
    writable: frozenset[int]

    def may_see(self, field: Field) -> bool:
        """Return whether a field is shown at all."""
        return field.permlevel in self.readable and not field.hidden

    def may_change(self, field: Field) -> bool:
        """Return whether a field of the document may be changed."""
        record = self.record
        if not self.may_write or record.docstatus == DocStatus.CANCELLED or not self._is_open(field):
            return False
        if record.docstatus == DocStatus.SUBMITTED and not field.allow_on_submit:
            return False
        return not (field.set_only_once and not record.is_new and record.values.get(field.name))

    def may_change_in_row(self, table: Field, field: Field, stored: Record | None) -> bool:
        """Return whether a column of a row may be changed; the levels are those of the document."""
        if not self.may_change(table) or not self._is_open(field):
            return False
        return not (field.set_only_once and stored is not None and stored.values.get(field.name))

    def _is_open(self, field: Field) -> bool:
        if field.read_only or field.hidden or field.fieldtype == "Read Only" or field.permlevel not in self.writable:
            return False
        return not field.fetch_from or field.fetch_if_empty


def editing_of(record: Record, *, actor: Actor, may_write: bool) -> Editing:
    """Return what an actor may change of a document."""
    return Editing(
        record=record,
        may_write=may_write,
        readable=known_fields.readable(record.doctype, actor),
        writable=known_fields.writable(record.doctype, actor),
    )
