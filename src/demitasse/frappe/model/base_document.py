"""``BaseDocument``: the values of a document, as app code reads and writes them.

A thin view over a record: attributes are field values, moments are naive in the site's zone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from datetime import datetime
from typing import Any, Self, overload

from typing_extensions import override

from demitasse.documents import building
from demitasse.documents.errors import DocumentError
from demitasse.documents.model import Record
from demitasse.frappe.context import current
from demitasse.frappe.model.meta import Meta
from demitasse.frappe.values import AttrDict, to_site
from demitasse.kernel import json

_OWN = frozenset({"_record", "flags", "_parent_document"})
_PLAIN = frozenset({str, int, float})


class Rows(MutableSequence["BaseDocument"]):
    """The child rows of a table field; changing it changes the document."""

    def __init__(self, parent: "BaseDocument", field: str) -> None:
        self._parent = parent
        self._field = field
        self._view = parent._view  # noqa: SLF001 - a part of the document

    @property
    def _records(self) -> list[Record]:
        values = self._parent._record.values  # noqa: SLF001 - a part of the document
        rows: list[Record] | None = values.get(self._field)
        if rows is None:
            rows = values[self._field] = []
        return rows

    @overload
    def __getitem__(self, index: int) -> "BaseDocument": ...
    @overload
    def __getitem__(self, index: slice) -> "MutableSequence[BaseDocument]": ...
    @override
    def __getitem__(self, index: int | slice) -> "BaseDocument | MutableSequence[BaseDocument]":
        if isinstance(index, slice):
            return [self._view(row) for row in self._records[index]]
        return self._view(self._records[index])

    @override
    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            self._records[index] = [self._parent._row(self._field, item) for item in value]  # noqa: SLF001
        else:
            self._records[index] = self._parent._row(self._field, value)  # noqa: SLF001

    @override
    def __delitem__(self, index: int | slice) -> None:
        del self._records[index]

    @override
    def __len__(self) -> int:
        return len(self._records)

    @override
    def __iter__(self) -> Iterator["BaseDocument"]:
        # As a list's: rows that are added while it runs are seen.
        return map(self._view, self._records)

    @override
    def insert(self, index: int, value: Any) -> None:
        """Put a row before the one at ``index``."""
        self._records.insert(index, self._parent._row(self._field, value))  # noqa: SLF001

    def sort(self, *, key: Callable[["BaseDocument"], Any], reverse: bool = False) -> None:
        """Sort the rows in place."""
        self._records.sort(key=lambda record: key(self._view(record)), reverse=reverse)

    @override
    def __repr__(self) -> str:
        return repr(list(self))


class BaseDocument:
    """The values of one document."""

    flags: AttrDict
    _record: Record

    def _adopt(self, record: Record) -> None:
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "flags", AttrDict(record.flags))
        record.flags = self.flags
        record.view = self

    def _view(self, record: Record) -> "BaseDocument":
        """Return the document object of another record, such as a child row."""
        raise NotImplementedError

    @property
    def doctype(self) -> str:
        """The name of its DocType."""
        return str(self._record.doctype.name)

    @property
    def name(self) -> Any:
        """Its name, ``None`` before it has one."""
        return self._record.values.get("name")

    @name.setter
    def name(self, value: str | None) -> None:
        self._record.values["name"] = value
        if value and self._record.is_new:
            self._record.flags["name_set"] = True

    @property
    def meta(self) -> Meta:
        """Its DocType."""
        return Meta(self._record.doctype)

    def __getattr__(self, key: str) -> Any:
        record: Record = self.__dict__["_record"]
        value = record.values.get(key)
        if type(value) in _PLAIN:  # what is nearly always asked for, and needs no look at the field
            return value
        name = record.doctype.canonical(key)
        if name is None:
            message = f"{record.doctype.name} has no field or method {key!r}"
            raise AttributeError(message)
        field = record.doctype.by_name[name]
        if field.type.is_table:
            return Rows(self, name)
        value = record.values.get(name, field.type.empty)
        return to_site(value) if isinstance(value, datetime) else value

    @override
    def __setattr__(self, key: str, value: Any) -> None:
        name = None if key in _OWN or key == "name" else self._record.doctype.canonical(key)
        if name is None:
            object.__setattr__(self, key, value)
        else:
            self.set(name, value)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a field's value, or ``default`` where it is empty or there is no such field."""
        if self._record.doctype.canonical(key) is None:
            return self.__dict__.get(key, default) if key != "doctype" else self.doctype
        value = getattr(self, key)
        return default if value is None else value

    def set(self, key: str, value: Any) -> None:
        """Set a field; a table field takes a list of rows."""
        doctype = self._record.doctype
        name = doctype.canonical(key)
        if name is None:
            object.__setattr__(self, key, value)
        elif doctype.by_name[name].type.is_table:
            self._record.values[name] = [self._row(name, item) for item in value or ()]
        else:
            self._record.values[name] = value

    def update(self, values: Mapping[str, Any]) -> Self:
        """Set several fields."""
        for key, value in values.items():
            if key != "doctype":
                self.set(key, value)
        return self

    def append(self, key: str, value: Any = None) -> "BaseDocument":
        """Add a row to a table field and return it."""
        field = self._record.doctype.by_name.get(self._record.doctype.canonical(key) or "")
        if field is None or not field.type.is_table:
            message = f"{self.doctype} has no table {key}"
            raise DocumentError(message, doctype=self.doctype, field=key)
        row = self._row(field.name, value or {})
        rows = Rows(self, field.name)._records  # noqa: SLF001 - its own rows
        rows.append(row)
        row.values["idx"] = len(rows)
        return self._view(row)

    def extend(self, key: str, values: Iterable[Any]) -> None:
        """Add several rows to a table field."""
        for value in values:
            self.append(key, value)

    def remove(self, row: "BaseDocument") -> None:
        """Take a row out of the table field it stands in."""
        for field in self._record.doctype.table_fields:
            rows = self._record.rows(field.name)
            if row._record in rows:  # noqa: SLF001 - a document of this module
                rows.remove(row._record)  # noqa: SLF001
                for number, left in enumerate(rows, start=1):
                    left.values["idx"] = number
                return

    def as_dict(self, *, no_nulls: bool = False, **_: Any) -> AttrDict:
        """Return all values, child rows as lists of the same."""
        doctype = self._record.doctype
        values = AttrDict()
        for field in doctype.columns:
            value = getattr(self, field.name)
            if value is not None or not no_nulls:
                values[field.name] = value
        values["doctype"] = doctype.name
        for field in doctype.table_fields:
            values[field.name] = [row.as_dict(no_nulls=no_nulls) for row in Rows(self, field.name)]
        return values

    def as_json(self) -> str:
        """Return all values as JSON."""
        return json.encode_pretty(self.as_dict()).decode()

    def precision(self, fieldname: str, parentfield: str | None = None) -> int:
        """Return how many decimals a number field keeps."""
        field = self._record.doctype.by_name.get(fieldname)
        if field is not None and field.precision is not None:
            return field.precision
        return 2 if field is not None and field.fieldtype == "Currency" else 3

    def get_title(self) -> str:
        """Return the value of the title field, else the name."""
        title = self._record.doctype.title_field
        return str((title and self.get(title)) or self.name or "")

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(self.as_dict().items())

    @override
    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.doctype} {self.name or '(new)'}>"

    def _row(self, field: str, item: Any) -> Record:
        if isinstance(item, BaseDocument):
            return item._record  # noqa: SLF001 - a document of this module
        context = current().site.documents
        child = context.registry.get(self._record.doctype.by_name[field].options or "")
        return building.new_record(context, child, item)
