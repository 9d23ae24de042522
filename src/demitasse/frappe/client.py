"""``frappe.client``: documents over ``/api/method``."""

from typing import Any

from demitasse.auth.model import Reach, reach
from demitasse.db.errors import DatabaseError
from demitasse.doctypes.field_types import Storage
from demitasse.documents import access, building, queries, store
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.documents.model import Record
from demitasse.frappe.context import current
from demitasse.frappe.database import doctype_of, rows_of
from demitasse.frappe.model.document import Document, document_of
from demitasse.frappe.renaming import rename
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError

_WRITES = ["POST", "PUT"]
_MAX_UPDATES = 500
_NOT_FIELDS = frozenset({"doctype", "docname", "name", "flags"})


def _decoded(value: Any) -> Any:
    """Return what JSON text stands for; plain text and other values as they are."""
    if not isinstance(value, str):
        return value
    try:
        return json.decode(value)
    except json.MalformedJson:
        return value


@whitelist(inline=True)
def get_list(
    doctype: str,
    fields: Any = None,
    filters: Any = None,
    group_by: str | None = None,
    order_by: str | None = None,
    limit_start: Any = None,
    limit_page_length: Any = None,
    limit: Any = None,
    parent: str | None = None,
    debug: bool = False,
    as_dict: bool = True,
    or_filters: Any = None,
) -> list[Any]:
    """Return the rows that the actor may read; 20 unless a limit says else."""
    call = current()
    asked = queries.from_arguments({key: value for key, value in locals().items() if value is not None})
    found = queries.select(call.site.documents, call.tx, doctype_of(doctype), actor=call.actor, **asked)
    return found.as_dicts() if as_dict else found.rows


@whitelist(inline=True)
def get_count(doctype: str, filters: Any = None, debug: bool = False, cache: bool = False) -> int:
    """Return how many documents match, among those the actor may read."""
    call = current()
    meta = doctype_of(doctype)
    return queries.count(call.site.documents, call.tx, meta, actor=call.actor, filters=_decoded(filters))


@whitelist(inline=True)
def get(doctype: str, name: str | int | None = None, filters: Any = None, parent: str | None = None) -> Document:
    """Return one document by name or filters."""
    call = current()
    meta = doctype_of(doctype)
    access.check_doctype(meta, "read", call.actor)
    if name is None and not meta.is_single:
        rows = rows_of(doctype, as_actor=True, filters=_decoded(filters), limit=1)
        if not rows:
            message = f"{doctype} not found"
            raise DocumentNotFound(message, doctype=doctype)
        name = rows[0]["name"]
    document = document_of(_load(meta.name, str(name or meta.name)))
    document.check_permission("read")
    return _shown(document)


@whitelist(inline=True)
def get_value(
    doctype: str,
    fieldname: Any,
    filters: Any = None,
    as_dict: bool = True,
    debug: bool = False,
    parent: str | None = None,
) -> Any:
    """Return fields of the first document that matches; an empty object when none does."""
    conditions = _decoded(filters)
    if isinstance(conditions, str):
        conditions = {"name": conditions}
    fields = _decoded(fieldname)
    names = [fields] if isinstance(fields, str) else fields
    access.check_doctype(doctype_of(doctype), "read", current().actor)
    rows = rows_of(doctype, as_actor=True, filters=conditions, fields=names, limit=1)
    if not rows:
        return {} if as_dict else None
    return rows[0] if as_dict else list(rows[0].values())


@whitelist(inline=True)
def get_single_value(doctype: str, field: str) -> Any:
    """Return a field of a single; a text that is empty is empty text."""
    meta = doctype_of(doctype)
    if not meta.is_single:
        message = f"{doctype} is not a single document: name the document, with frappe.client.get_value"
        raise DocumentError(message, doctype=doctype)
    document = document_of(_load(meta.name, meta.name))
    document.check_permission("read")
    value = _shown(document).get(field)
    kind = meta.by_name.get(meta.canonical(field) or "")
    is_text = kind is not None and kind.type.storage in {Storage.SHORT_TEXT, Storage.LONG_TEXT}
    return "" if value is None and is_text else value


@whitelist(inline=True)
def has_permission(doctype: str, docname: str | int, perm_type: str = "read") -> dict[str, bool]:
    """Return whether the actor may do something with a document."""
    return {"has_permission": document_of(_load(doctype, str(docname))).has_permission(perm_type)}


@whitelist(allow_guest=True, inline=True)
def get_time_zone() -> dict[str, str]:
    """Return the zone that this site's moments are in."""
    return {"time_zone": str(current().site.settings.zone)}


@whitelist(methods=_WRITES)
def insert(doc: Any = None) -> Document:
    """Insert a document; a child row is added to its parent, which is returned."""
    values = _values(doc)
    meta = doctype_of(values["doctype"])
    if not meta.is_table:
        return _shown(_new(values).insert())
    missing = [key for key in ("parenttype", "parent", "parentfield") if not isinstance(values.get(key), str)]
    if missing:
        message = f"A row of {meta.name} is added to a document: send {', '.join(missing)}"
        raise DocumentError(message, doctype=meta.name)
    parent = document_of(_load(values["parenttype"], values["parent"]))
    parent.append(values["parentfield"], values)
    return _shown(parent.save())


@whitelist(methods=_WRITES)
def insert_many(docs: Any = None) -> list[str]:
    """Insert up to 200 documents, all or none, and return their names."""
    found = _decoded(docs)
    limit = 200
    if not isinstance(found, list) or len(found) > limit:
        message = f"docs must be a list of at most {limit} documents"
        raise DocumentError(message)
    return [str(insert(doc).name) for doc in found]


@whitelist(methods=_WRITES)
def save(doc: Any) -> Document:
    """Save a document; it must carry the ``modified`` that it was read with."""
    return _shown(_stored(_values(doc)).save())


@whitelist(methods=_WRITES)
def submit(doc: Any) -> Document:
    """Submit a document."""
    return _shown(_stored(_values(doc)).submit())


@whitelist(methods=_WRITES)
def cancel(doctype: str, name: str | int) -> Document:
    """Cancel a document."""
    return _shown(document_of(_load(doctype, str(name))).cancel())


@whitelist(methods=["POST", "DELETE"])
def delete(doctype: str, name: str | int) -> None:
    """Delete a document."""
    document_of(_load(doctype, str(name))).delete()


@whitelist(methods=_WRITES)
def set_value(doctype: str, name: str | int, fieldname: Any, value: Any = None) -> Document:
    """Change fields of a document through its checks and hooks."""
    fields = _decoded(fieldname)
    document = document_of(_load(doctype, str(name)))
    call = current()
    values = {fields: value} if isinstance(fields, str) else fields
    if not isinstance(values, dict):
        message = 'fieldname must be a name, or an object such as {"status": "Open"}'
        raise DocumentError(message)
    building.assign(call.site.documents, document._record, values)  # noqa: SLF001 - made by this room
    return _shown(document.save())


@whitelist(methods=_WRITES)
def bulk_update(docs: Any) -> dict[str, list[dict[str, Any]]]:
    """Change fields of documents (objects with ``doctype``, ``docname`` and fields); what fails stops no other."""
    found = _decoded(docs)
    if not isinstance(found, list) or len(found) > _MAX_UPDATES:
        message = f"docs must be a list of at most {_MAX_UPDATES} documents"
        raise DocumentError(message)
    call = current()
    failed: list[dict[str, Any]] = []
    for doc in found:
        try:
            with call.tx.savepoint():
                _update(_values(doc))
        except DatabaseError:
            raise  # the database may have undone the others too
        except DemitasseError as error:
            failed.append({"doc": doc, "exc": f"{type(error).__name__}: {error}"})
            call.messages.append({"message": str(error), "title": "Message", "indicator": "red", "raise_exception": 1})
    return {"failed_docs": failed}


@whitelist(methods=_WRITES)
def rename_doc(doctype: str, old_name: str | int, new_name: str | int, merge: bool = False) -> str:
    """Give a document another name, in its own rows and in every link to it, and return the name."""
    document = document_of(_load(doctype, str(old_name)))
    return rename(document, str(new_name), merge=merge)


@whitelist(inline=True)
def validate_link(doctype: str, docname: str | int, fields: Any = None) -> dict[str, Any]:
    """Return the name of a document that a link may lead to, with the fields asked for; no name where there is none."""
    call = current()
    meta = doctype_of(doctype)
    if reach(meta, "select", call.actor) is Reach.NONE:
        access.check_doctype(meta, "read", call.actor)
    wanted = ["name", *(_decoded(fields) or [])]
    if meta.is_single:
        return {"name": meta.name}
    has_read = reach(meta, "read", call.actor) is not Reach.NONE
    if not has_read:
        found = store.exists(call.tx, meta, str(docname))
        return {"name": str(docname) if found else None}
    rows = rows_of(doctype, as_actor=True, filters={"name": str(docname)}, fields=wanted, limit=1)
    return dict(rows[0]) if rows else {"name": None}


def _update(values: dict[str, Any]) -> None:
    call = current()
    record = _load(values["doctype"], str(values.get("docname") or values.get("name") or ""))
    changed = {key: value for key, value in values.items() if key not in _NOT_FIELDS}
    building.assign(call.site.documents, record, changed)
    document_of(record).save()


def _shown(document: Document) -> Document:
    """Return the document without what the actor may not see in it."""
    return document_of(access.hide_levels(document._record, actor=current().actor))  # noqa: SLF001 - made by this room


def _load(doctype: str, name: str) -> Record:
    call = current()
    meta = doctype_of(doctype)
    access.check_doctype(meta, "read", call.actor)
    if meta.is_single:
        return store.load_single(call.site.documents, call.tx, meta)
    return store.load(call.site.documents, call.tx, meta, name)


def _values(doc: Any) -> dict[str, Any]:
    found = _decoded(doc)
    if not isinstance(found, dict) or not found.get("doctype") or not isinstance(found["doctype"], str):
        message = 'doc must be an object with its doctype: {"doctype": "Lead", ...}'
        raise DocumentError(message)
    return found


def _new(values: dict[str, Any]) -> Document:
    call = current()
    meta = doctype_of(values["doctype"])
    access.check_doctype(meta, "create", call.actor)
    return document_of(building.new_record(call.site.documents, meta, values))


def _stored(values: dict[str, Any]) -> Document:
    """Return the stored document with the values that were sent, ``modified`` among them."""
    call = current()
    record = _load(values["doctype"], str(values.get("name") or ""))
    record.values["modified"] = None
    building.assign(call.site.documents, record, values)
    return document_of(record)
