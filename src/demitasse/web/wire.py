"""Documents and rows as JSON values: naive moments in the site's zone, empty fields left out."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType, Field
from demitasse.documents.model import Record

Form = Callable[[Any], Any]
Forms = tuple[tuple[str, Form | None, int | float | None], ...]


class Wire:
    """Turns records into what the API shows; what is worked out for a DocType is kept."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._moment: Form = _utc_moment if zone is UTC or getattr(zone, "key", "") == "UTC" else self._local_moment
        self._forms: dict[int, tuple[DocType, Forms]] = {}

    def document(self, record: Record, *, with_nulls: bool = False) -> dict[str, Any]:
        """Return a document with its child rows: standard fields, own fields, ``doctype``, tables."""
        doctype = record.doctype
        values = record.values
        shown: dict[str, Any] = {}
        for name, form, empty in self._forms_of(doctype):
            value = values.get(name)
            if value is not None:
                shown[name] = form(value) if form else value
            elif empty is not None or with_nulls:
                shown[name] = empty
        shown["doctype"] = doctype.name
        for field in doctype.table_fields:
            shown[field.name] = [self.document(row, with_nulls=with_nulls) for row in values.get(field.name) or ()]
        return shown

    def value(self, value: Any) -> Any:
        """Return one kept value as it goes out."""
        if isinstance(value, datetime):
            return self._moment(value)
        if isinstance(value, date):
            return value.isoformat()
        return str(value) if isinstance(value, timedelta) else value

    def _forms_of(self, doctype: DocType) -> Forms:
        found = self._forms.get(id(doctype))
        if found is None or found[0] is not doctype:
            forms = tuple((field.name, self._form(field.type.storage), field.type.empty) for field in doctype.columns)
            found = self._forms[id(doctype)] = (doctype, forms)
        return found[1]

    def _form(self, storage: Storage | None) -> Form | None:
        forms: dict[Storage | None, Form] = {
            Storage.DATETIME: self._moment,
            Storage.DATE: date.isoformat,
            Storage.TIME: str,
        }
        return forms.get(storage)

    def _local_moment(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).replace(tzinfo=None).isoformat(" ", "microseconds")


def _utc_moment(moment: datetime) -> str:
    return moment.isoformat(" ", "microseconds")[:26]


def meta_of(doctype: DocType) -> dict[str, Any]:
    """Return the definition of a DocType as Frappe's JSON has it, with the fields that it has now."""
    definition = dict(doctype.definition)
    known = {str(field.get("fieldname")): field for field in definition.get("fields") or ()}
    definition["fields"] = [
        {
            **known.get(field.name, _field_definition(field)),
            "doctype": "DocField",
            "parent": doctype.name,
            "parenttype": "DocType",
            "parentfield": "fields",
            "idx": number,
        }
        for number, field in enumerate(doctype.fields, start=1)
    ]
    flags = {
        "issingle": doctype.is_single,
        "istable": doctype.is_table,
        "is_submittable": doctype.is_submittable,
        "is_tree": doctype.is_tree,
        "custom": doctype.is_custom,
        "track_changes": doctype.track_changes,
        "in_create": doctype.is_log,
    }
    definition.update({key: int(value) for key, value in flags.items()})
    return {
        **definition,
        "doctype": "DocType",
        "name": doctype.name,
        "module": doctype.module,
        "autoname": doctype.autoname,
        "title_field": doctype.title_field,
        "search_fields": ",".join(doctype.search_fields),
        "sort_field": doctype.sort_field,
        "sort_order": doctype.sort_order.upper(),
    }


def _field_definition(field: Field) -> dict[str, Any]:
    """Return a field that the DocType's own JSON does not have: a Custom Field."""
    found: dict[str, Any] = {
        "fieldname": field.name,
        "fieldtype": field.fieldtype,
        "label": field.label,
        "reqd": int(field.required),
        "unique": int(field.unique),
        "read_only": int(field.read_only),
        "hidden": int(field.hidden),
        "permlevel": field.permlevel,
        "is_custom_field": int(field.is_custom),
    }
    texts = {"options": field.options, "default": field.default, "description": field.description}
    return found | {key: value for key, value in texts.items() if value is not None}
