"""``frappe.client``: documents over ``/api/method``."""

from typing import Any

from demitasse.documents import access, building, queries, store
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.documents.model import Record
from demitasse.frappe import db
from demitasse.frappe.context import current
from demitasse.frappe.database import doctype_of, rows_of
from demitasse.frappe.model.document import Document, document_of
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json

_WRITES = ["POST", "PUT"]


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
    as_dict: Any = True,
    or_filters: Any = None,
) -> list[Any]:
    """Return the rows that the actor may read; 20 unless a limit says else."""
    call = current()
    asked = queries.from_arguments({key: value for key, value in locals().items() if value is not None})
    found = queries.select(call.site.documents, call.tx, doctype_of(doctype), actor=call.actor, **asked)
    return found.as_dicts() if str(as_dict).lower() not in {"0", "false"} else found.rows


@whitelist(inline=True)
def get_count(doctype: str, filters: Any = None, debug: Any = False, cache: Any = False) -> int:
    """Return how many documents match, among those the actor may read."""
    call = current()
    meta = doctype_of(doctype)
    return queries.count(call.site.documents, call.tx, meta, actor=call.actor, filters=_decoded(filters))


@whitelist(inline=True)
def get(doctype: str, name: str | None = None, filters: Any = None, parent: str | None = None) -> Document:
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
    document = document_of(_load(meta.name, name or meta.name))
    document.check_permission("read")
    return document_of(access.hide_levels(document._record, actor=call.actor))  # noqa: SLF001 - made by this room


@whitelist(inline=True)
def get_value(
    doctype: str,
    fieldname: Any,
    filters: Any = None,
    as_dict: Any = True,
    debug: Any = False,
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
    as_object = str(as_dict).lower() not in {"0", "false"}
    if not rows:
        return {} if as_object else None
    return rows[0] if as_object else list(rows[0].values())


@whitelist(inline=True)
def get_single_value(doctype: str, field: str) -> Any:
    """Return a field of a single."""
    access.check_doctype(doctype_of(doctype), "read", current().actor)
    return db.get_single_value(doctype, field)


@whitelist(inline=True)
def has_permission(doctype: str, docname: str, perm_type: str = "read") -> dict[str, bool]:
    """Return whether the actor may do something with a document."""
    return {"has_permission": document_of(_load(doctype, docname)).has_permission(perm_type)}


@whitelist(methods=_WRITES)
def insert(doc: Any = None) -> Document:
    """Insert a document; a child row is added to its parent, which is returned."""
    values = _values(doc)
    meta = doctype_of(values["doctype"])
    if not meta.is_table:
        return _new(values).insert()
    parent = document_of(_load(values["parenttype"], values["parent"]))
    parent.append(values["parentfield"], values)
    return parent.save()


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
    return _stored(_values(doc)).save()


@whitelist(methods=_WRITES)
def submit(doc: Any) -> Document:
    """Submit a document."""
    return _stored(_values(doc)).submit()


@whitelist(methods=_WRITES)
def cancel(doctype: str, name: str) -> Document:
    """Cancel a document."""
    return document_of(_load(doctype, name)).cancel()


@whitelist(methods=["POST", "DELETE"])
def delete(doctype: str, name: str) -> None:
    """Delete a document."""
    document_of(_load(doctype, name)).delete()


@whitelist(methods=_WRITES)
def set_value(doctype: str, name: str, fieldname: Any, value: Any = None) -> Document:
    """Change fields of a document through its checks and hooks."""
    fields = _decoded(fieldname)
    document = document_of(_load(doctype, name))
    call = current()
    values = {fields: value} if isinstance(fields, str) else dict(fields)
    building.assign(call.site.documents, document._record, values)  # noqa: SLF001 - made by this room
    return document.save()


def _load(doctype: str, name: str) -> Record:
    call = current()
    meta = doctype_of(doctype)
    access.check_doctype(meta, "read", call.actor)
    if meta.is_single:
        return store.load_single(call.site.documents, call.tx, meta)
    return store.load(call.site.documents, call.tx, meta, name)


def _values(doc: Any) -> dict[str, Any]:
    found = _decoded(doc)
    if not isinstance(found, dict) or not found.get("doctype"):
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
