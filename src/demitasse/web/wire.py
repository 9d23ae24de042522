"""Documents and rows as JSON values: naive moments in the site's zone, empty fields left out."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
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
