"""From what a browser sent to the values of a document: only what was changed, and only what may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from demitasse.doctypes.errors import InvalidValue
from demitasse.doctypes.model import DocType, Field
from demitasse.documents import building
from demitasse.documents.checks import convert
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.forms.editing import Editing
from demitasse.web.desk.forms.state import FormState, RowState, of_record, same_rows
from demitasse.web.desk.forms.texts import is_same, value_of

Place = tuple[str, ...]
"""Where an error belongs: a field, or a table, the key of its row and a column."""


class InvalidForm(DemitasseError):
    """Some controls hold what their fields cannot; ``data`` has ``errors`` by place."""

    code = "invalid_form"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    context: DocumentContext
    errors: dict[Place, str]

    @property
    def zone(self) -> tzinfo:
        return self.context.zone

    def value(self, doctype: DocType, field: Field, text: str, place: Place) -> Any:
        try:
            return convert(doctype, field, value_of(field, text), zone=self.zone)
        except (InvalidFieldValue, InvalidValue) as error:
            self.errors[place] = error.message.removeprefix(f"{field.label}: ")
            return None


def apply(context: DocumentContext, record: Record, sent: FormState, editing: Editing) -> None:
    """Set on a record what a form changes of it.

    Raises:
        InvalidForm: texts that cannot be values of their fields.
    """
    reading = _Reading(context=context, errors={})
    before = of_record(record, context.zone)
    changes: dict[str, Any] = {}
    for field in record.doctype.data_fields:
        text = sent.texts.get(field.name)
        if field.name in sent.refused or not editing.may_change(field):
            continue
        if field.type.is_secret:
            if text or field.name in sent.cleared:
                changes[field.name] = text or None
        elif text is not None and (record.is_new or not is_same(field, text, before.texts[field.name])):
            changes[field.name] = reading.value(record.doctype, field, text, (field.name,))
    for field in record.doctype.table_fields:
        rows = sent.tables.get(field.name)
        if rows is None or field.name in sent.refused or not editing.may_change(field):
            continue
        child = context.registry.get(field.options or "")
        if not same_rows(rows, before.tables[field.name], child.by_name):
            changes[field.name] = [_row(reading, record, field, child, row, editing) for row in rows]
    if reading.errors:
        message = "Some fields hold what they cannot: see below"
        raise InvalidForm(message, errors=reading.errors)
    building.assign(context, record, changes)


def _row(
    reading: _Reading, record: Record, table: Field, child: DocType, sent: RowState, editing: Editing
) -> Mapping[str, Any]:
    """Return a row's values: those that are stored, and over them what was changed."""
    stored = next((row for row in record.rows(table.name) if sent.name and row.name == sent.name), None)
    values: dict[str, Any] = {}
    texts: Mapping[str, str] = {}
    if stored is not None:
        values = {field.name: stored.values.get(field.name) for field in child.data_fields}
        values["name"] = stored.name
        texts = of_record(stored, reading.zone).texts
    for field in child.data_fields:
        text = sent.texts.get(field.name)
        if text is None or not editing.may_change_in_row(table, field, stored):
            continue
        if field.type.is_secret:
            if text:
                values[field.name] = text
        elif stored is None or not is_same(field, text, texts[field.name]):
            values[field.name] = reading.value(child, field, text, (table.name, sent.key, field.name))
    return values
