"""``Document``: what app code holds in its hands for one document.

A thin view over a record: reading and writing attributes are field values, moments are naive in the site's zone. The
operations are those of the ``documents`` room, in the running call's transaction, by its actor.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from datetime import datetime
from typing import Any, Self, overload

from typing_extensions import override

from demitasse.auth.errors import NotPermitted
from demitasse.documents import building, operations, store
from demitasse.documents.access import check_record
from demitasse.documents.errors import DocumentError, DuplicateName
from demitasse.documents.model import Record
from demitasse.frappe.context import current
from demitasse.frappe.model.meta import Meta
from demitasse.frappe.values import AttrDict, to_site
from demitasse.kernel import json

_OWN = frozenset({"_record", "flags", "_parent_document"})
_PLAIN = frozenset({str, int, float})
_controllers: dict[str, type["Document"]] = {}


def set_controller(doctype: str, controller: type["Document"]) -> None:
    """Use this class for the documents of a DocType."""
    _controllers[doctype] = controller


def controller_of(doctype: str) -> type["Document"]:
    """Return the class of a DocType's documents."""
    return _controllers.get(doctype, Document)


def document_of(record: Record) -> "Document":
    """Return the one document object of a record, made when it is first asked for."""
    view = record.view
    if view is None:
        view = object.__new__(controller_of(record.doctype.name))
        view._adopt(record)
    return view  # type: ignore[no-any-return]


class Rows(MutableSequence["Document"]):
    """The child rows of a table field; changing it changes the document."""

    def __init__(self, parent: "Document", field: str) -> None:
        self._parent = parent
        self._field = field

    @property
    def _records(self) -> list[Record]:
        values = self._parent._record.values  # noqa: SLF001 - a part of the document
        rows: list[Record] | None = values.get(self._field)
        if rows is None:
            rows = values[self._field] = []
        return rows

    @overload
    def __getitem__(self, index: int) -> "Document": ...
    @overload
    def __getitem__(self, index: slice) -> "MutableSequence[Document]": ...
    @override
    def __getitem__(self, index: int | slice) -> "Document | MutableSequence[Document]":
        if isinstance(index, slice):
            return [document_of(row) for row in self._records[index]]
        return document_of(self._records[index])

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
    def __iter__(self) -> Iterator["Document"]:
        # As a list's: rows that are added while it runs are seen.
        return map(document_of, self._records)

    @override
    def insert(self, index: int, value: Any) -> None:
        """Put a row before the one at ``index``."""
        self._records.insert(index, self._parent._row(self._field, value))  # noqa: SLF001

    def sort(self, *, key: Callable[["Document"], Any], reverse: bool = False) -> None:
        """Sort the rows in place."""
        self._records.sort(key=lambda record: key(document_of(record)), reverse=reverse)

    @override
    def __repr__(self) -> str:
        return repr(list(self))


class Document:
    """One document, new or stored. Subclasses are an app's controllers; their methods are the hooks."""

    inline_safe = False
    flags: AttrDict
    _record: Record

    def __init__(self, *args: Any, **values: Any) -> None:
        if args and isinstance(args[0], Mapping):
            values = {**args[0], **values}
        elif args:
            values = {"doctype": args[0], **values}
        call = current()
        doctype = call.site.documents.registry.get(values.pop("doctype", ""))
        self._adopt(building.new_record(call.site.documents, doctype, values))

    def _adopt(self, record: Record) -> None:
        object.__setattr__(self, "_record", record)
        object.__setattr__(self, "flags", AttrDict(record.flags))
        record.flags = self.flags
        record.view = self

    # --- values -----------------------------------------------------------------------------------------------------
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

    def append(self, key: str, value: Any = None) -> "Document":
        """Add a row to a table field and return it."""
        field = self._record.doctype.by_name.get(self._record.doctype.canonical(key) or "")
        if field is None or not field.type.is_table:
            message = f"{self.doctype} has no table {key}"
            raise DocumentError(message, doctype=self.doctype, field=key)
        row = self._row(field.name, value or {})
        rows = Rows(self, field.name)._records  # noqa: SLF001 - its own rows
        rows.append(row)
        row.values["idx"] = len(rows)
        return document_of(row)

    def extend(self, key: str, values: Iterable[Any]) -> None:
        """Add several rows to a table field."""
        for value in values:
            self.append(key, value)

    def remove(self, row: "Document") -> None:
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

    def _row(self, field: str, item: Any) -> Record:
        if isinstance(item, Document):
            return item._record  # noqa: SLF001 - a document of this module
        context = current().site.documents
        child = context.registry.get(self._record.doctype.by_name[field].options or "")
        return building.new_record(context, child, item)

    # --- its life ---------------------------------------------------------------------------------------------------
    def insert(
        self,
        ignore_permissions: bool | None = None,
        ignore_links: bool | None = None,
        ignore_if_duplicate: bool = False,
        ignore_mandatory: bool | None = None,
        set_name: str | None = None,
        **_: Any,
    ) -> Self:
        """Write a new document; the ``ignore_`` switches stay in force on this object."""
        switches = {
            "ignore_permissions": ignore_permissions,
            "ignore_links": ignore_links,
            "ignore_mandatory": ignore_mandatory,
        }
        self.flags.update({key: value for key, value in switches.items() if value is not None})
        if set_name:
            self.name = set_name
        call = current()
        try:
            with call.tx.savepoint():
                operations.insert(call.site.documents, call.tx, self._record, actor=call.actor)
        except DuplicateName:
            if not ignore_if_duplicate:
                raise
        return self

    def save(self, ignore_permissions: bool | None = None, **_: Any) -> Self:
        """Write the document: insert it when it is new, else save what has changed."""
        if ignore_permissions is not None:
            self.flags.ignore_permissions = ignore_permissions
        if self._record.is_new:
            return self.insert()
        call = current()
        with call.tx.savepoint():
            operations.save(call.site.documents, call.tx, self._record, actor=call.actor)
        return self

    def submit(self) -> Self:
        """Submit the document."""
        self._record.values["docstatus"] = 1
        return self.save()

    def cancel(self) -> Self:
        """Cancel the submitted document."""
        self._record.values["docstatus"] = 2
        return self.save()

    def delete(self, ignore_permissions: bool | None = None, force: bool = False, **_: Any) -> None:
        """Remove the document; ``force`` leaves broken links behind."""
        if ignore_permissions is not None:
            self.flags.ignore_permissions = ignore_permissions
        self.flags.ignore_links = force
        call = current()
        with call.tx.savepoint():
            operations.delete(call.site.documents, call.tx, self._record, actor=call.actor)

    def reload(self) -> Self:
        """Read the document again."""
        call = current()
        fresh = store.load(call.site.documents, call.tx, self._record.doctype, self._record.name)
        self._record.values = fresh.values
        self._record.is_new = False
        return self

    load_from_db = reload

    def db_set(
        self,
        fieldname: str | Mapping[str, Any],
        value: Any = None,
        update_modified: bool = True,
        notify: bool = False,
        commit: bool = False,
    ) -> None:
        """Write columns at once, without checks and hooks; ``on_change`` is told."""
        call = current()
        values = {fieldname: value} if isinstance(fieldname, str) else dict(fieldname)
        operations.set_values(
            call.site.documents,
            call.tx,
            self._record.doctype,
            self._record.name,
            values,
            actor=call.actor,
            moves_modified=update_modified,
        )
        stored = store.load(call.site.documents, call.tx, self._record.doctype, self._record.name)
        for key in (*values, "modified", "modified_by"):
            name = self._record.doctype.canonical(key) or key
            self._record.values[name] = stored.values.get(name)
        if commit:
            call.tx.commit()

    def db_get(self, fieldname: str) -> Any:
        """Return a field as it is stored now."""
        call = current()
        stored = store.load(call.site.documents, call.tx, self._record.doctype, self._record.name)
        return getattr(document_of(stored), fieldname)

    # --- questions --------------------------------------------------------------------------------------------------
    def is_new(self) -> bool:
        """Return whether it has not been inserted yet."""
        return self._record.is_new

    def get_doc_before_save(self) -> "Document | None":
        """Return the document as it was stored before the save that is running."""
        return document_of(self._record.before) if self._record.before else None

    def has_value_changed(self, fieldname: str) -> bool:
        """Return whether the save that is running changes a field."""
        before = self.get_doc_before_save()
        return before is None or before.get(fieldname) != self.get(fieldname)

    def get_password(self, fieldname: str = "password", raise_exception: bool = True) -> str | None:
        """Return a Password field in clear.

        Raises:
            DocumentError: it is empty, unless ``raise_exception`` is false.
        """
        call = current()
        found = store.read_secret(call.site.documents, call.tx, self._record.doctype, self._record.name, fieldname)
        if found is None and raise_exception:
            message = f"Password not found for {self.doctype} {self.name} {fieldname}"
            raise DocumentError(message, doctype=self.doctype, name=self.name)
        return found

    def check_permission(self, permtype: str = "read", permlevel: int | None = None) -> None:
        """Raise ``PermissionError`` unless the actor may do this with the document."""
        call = current()
        if not self.flags.get("ignore_permissions"):
            check_record(call.site.documents, call.tx, self._record, permtype, actor=call.actor)

    def has_permission(self, permtype: str = "read", **_: Any) -> bool:
        """Return whether the actor may do this with the document."""
        try:
            self.check_permission(permtype)
        except NotPermitted:
            return False
        return True

    def run_method(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method of the controller, if it has it, and the apps' functions for the event."""
        handler = current().site.documents.hooks.handlers(self._record.doctype).get(method)
        if handler is not None and not args and not kwargs:
            call = current()
            return handler(self._record, call.tx, call.actor)
        found = getattr(type(self), method, None)
        return found(self, *args, **kwargs) if found else None

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


def copy_doc(document: Document) -> Document:
    """Return a new, unsaved copy without what is not to be copied (``no_copy``, names, states)."""
    record = document._record  # noqa: SLF001 - a document of this module
    copy = _copied(record)
    return document_of(copy)


def _copied(record: Record) -> Record:
    values = {}
    for field in record.doctype.fields:
        if field.no_copy or record.values.get(field.name) is None:
            continue
        value = record.values[field.name]
        values[field.name] = [_copied(row) for row in value] if field.type.is_table else value
    values["docstatus"] = 0
    return Record(record.doctype, values, is_new=True)
