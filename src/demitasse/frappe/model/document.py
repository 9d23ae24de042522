"""``Document``: what app code holds in its hands for one document.

A thin view over a record: reading and writing attributes are field values, moments are naive in the site's zone. The
operations are those of the ``documents`` room, in the running call's transaction, by its actor.
"""

from collections.abc import Mapping
from typing import Any, Self

from typing_extensions import override

from demitasse.auth.errors import NotPermitted
from demitasse.documents import building, operations, store
from demitasse.documents.access import check_record
from demitasse.documents.errors import DocumentError, DuplicateName
from demitasse.documents.model import Record
from demitasse.frappe.context import current
from demitasse.frappe.model.base_document import BaseDocument

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


class Document(BaseDocument):
    """One document, new or stored. Subclasses are an app's controllers; their methods are the hooks."""

    inline_safe = False

    def __init__(self, *args: Any, **values: Any) -> None:
        if args and isinstance(args[0], Mapping):
            values = {**args[0], **values}
        elif args:
            values = {"doctype": args[0], **values}
        call = current()
        doctype = call.site.documents.registry.get(values.pop("doctype", ""))
        self._adopt(building.new_record(call.site.documents, doctype, values))

    @override
    def _view(self, record: Record) -> "Document":
        return document_of(record)

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
