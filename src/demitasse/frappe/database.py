"""``frappe.db``: values and rows without documents, and the end of the transaction."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from demitasse.doctypes.errors import UnknownDocType
from demitasse.doctypes.model import DocType
from demitasse.documents import operations, queries, store
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe.context import current
from demitasse.frappe.values import AttrDict, to_site

Filters = str | Mapping[str, Any] | Sequence[Any] | None


def doctype_of(name: str) -> DocType:
    """Return a DocType of the site by name.

    Raises:
        DocumentNotFound: there is none.
    """
    try:
        return current().site.documents.registry.get(name)
    except UnknownDocType as error:
        raise DocumentNotFound(error.message, doctype="DocType", name=name) from error


def select(doctype: str, *, as_actor: bool, **request: Any) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return names and rows of a list query, moments in the site's zone.

    Args:
        as_actor: Only what the running call's actor may read; else everything.
        request: As ``queries.select`` takes them.
    """
    call = current()
    actor = call.actor if as_actor else None
    found = queries.select(call.site.documents, call.tx, doctype_of(doctype), actor=actor, **request)
    return found.names, [tuple([to_site(value) for value in row]) for row in found.rows]


class Database:
    """Stateless; every method works in the running call's transaction."""

    def get_value(
        self,
        doctype: str,
        filters: Filters = None,
        fieldname: str | Sequence[str] = "name",
        ignore: Any = None,
        as_dict: bool = False,
        debug: bool = False,
        order_by: str | None = None,
        cache: bool = False,
        for_update: bool = False,
        **_: Any,
    ) -> Any:
        """Return one field, or several, of the first document that matches; ``None`` where none does."""
        rows = self.get_values(
            doctype, filters, fieldname, as_dict=as_dict, order_by=order_by, limit=1, for_update=for_update
        )
        if not rows:
            return None
        if as_dict or not isinstance(fieldname, str) or fieldname == "*":
            return rows[0]
        return rows[0][0]

    def get_values(
        self,
        doctype: str,
        filters: Filters = None,
        fieldname: str | Sequence[str] = "name",
        as_dict: bool = False,
        order_by: str | None = None,
        limit: int = 0,
        for_update: bool = False,
        **_: Any,
    ) -> list[Any]:
        """Return fields of all documents that match."""
        meta = doctype_of(doctype)
        if meta.is_single:
            return [self._single(meta, fieldname, as_dict=as_dict)]
        if for_update:
            current().tx.lock(f"{doctype}:{filters!r}")
        conditions: Any = {"name": filters} if isinstance(filters, str) else filters
        fields = [fieldname] if isinstance(fieldname, str) else list(fieldname)
        names, rows = select(doctype, as_actor=False, fields=fields, filters=conditions, order_by=order_by, limit=limit)
        return [AttrDict(zip(names, row, strict=True)) for row in rows] if as_dict else rows

    def get_single_value(self, doctype: str, fieldname: str, cache: bool = True) -> Any:
        """Return a field of a single."""
        return self._single(doctype_of(doctype), fieldname, as_dict=True).get(fieldname)

    def set_value(
        self,
        doctype: str,
        dn: Filters,
        field: str | Mapping[str, Any],
        val: Any = None,
        modified: Any = None,
        modified_by: str | None = None,
        update_modified: bool = True,
        **_: Any,
    ) -> None:
        """Write columns of one document, or of all that match, without checks and hooks; ``on_change`` is told."""
        call = current()
        values = {field: val} if isinstance(field, str) else dict(field)
        if modified:
            values["modified"] = modified
        if modified_by:
            values["modified_by"] = modified_by
        names = [dn] if isinstance(dn, str) else [row[0] for row in self.get_values(doctype, dn)]
        for name in names:
            operations.set_values(
                call.site.documents,
                call.tx,
                doctype_of(doctype),
                name,
                values,
                actor=call.actor,
                moves_modified=update_modified,
            )

    def exists(self, dt: str | Mapping[str, Any], dn: Filters = None, cache: bool = False, **_: Any) -> str | None:
        """Return the name of a document that is there, by name or filters; else ``None``."""
        if isinstance(dt, Mapping):
            filters = dict(dt)
            return self.exists(filters.pop("doctype"), filters)
        if dt == "DocType" and isinstance(dn, str):
            return dn if current().site.documents.registry.find(dn) else None
        if doctype_of(dt).is_single:
            return dt
        found: str | None = self.get_value(dt, dn, "name")
        return found

    def count(self, dt: str, filters: Filters = None, **_: Any) -> int:
        """Return how many documents match."""
        call = current()
        return queries.count(call.site.documents, call.tx, doctype_of(dt), actor=None, filters=filters)

    def get_all(self, doctype: str, **request: Any) -> list[Any]:
        """Return rows without a permission check."""
        return rows_of(doctype, as_actor=False, **request)

    def get_list(self, doctype: str, **request: Any) -> list[Any]:
        """Return the rows that the actor may read."""
        return rows_of(doctype, as_actor=True, **request)

    def delete(self, doctype: str, filters: Filters = None, **_: Any) -> None:
        """Remove rows without checks, hooks and events."""
        call = current()
        meta = doctype_of(doctype)
        for row in self.get_values(doctype, filters):
            operations.remove_row(call.site.documents, call.tx, meta, row[0], actor=call.actor)

    def commit(self) -> None:
        """Make what was done so far durable, with the webhooks it causes."""
        current().tx.commit()

    def rollback(self, *, save_point: str | None = None) -> None:
        """Undo what was done since the last commit, or since a named savepoint."""
        call = current()
        if save_point is None:
            call.tx.rollback()
        else:
            call.tx.rollback_to(call.flags["savepoints"].pop(save_point))

    def savepoint(self, save_point: str) -> None:
        """Remember this point under a name, to roll back to."""
        call = current()
        call.flags.setdefault("savepoints", {})[save_point] = call.tx.begin_savepoint()

    def release_savepoint(self, save_point: str) -> None:
        """Keep what was done since the named savepoint."""
        call = current()
        call.tx.release(call.flags["savepoints"].pop(save_point))

    @contextmanager
    def unbuffered_cursor(self) -> Iterator[None]:
        """Do nothing: results are not buffered twice."""
        yield

    def after_commit(self, callback: Any) -> None:
        """Call a function once the transaction is durable."""
        current().tx.after_commit(callback)

    def _single(self, meta: DocType, fieldname: str | Sequence[str], *, as_dict: bool) -> Any:
        call = current()
        record = store.load_single(call.site.documents, call.tx, meta)
        names = [fieldname] if isinstance(fieldname, str) else list(fieldname)
        for name in names:
            if meta.canonical(name) is None:
                message = f"{meta.name} has no field {name}"
                raise DocumentNotFound(message, doctype=meta.name, field=name)
        values = AttrDict({name: to_site(record.values.get(meta.canonical(name) or name)) for name in names})
        return values if as_dict else tuple(values.values())


def rows_of(doctype: str, *, as_actor: bool, **request: Any) -> list[Any]:
    """Return rows as Frappe's ``get_list`` gives them: dictionaries, tuples (``as_list``) or values (``pluck``)."""
    as_list = bool(request.pop("as_list", False))
    pluck = request.pop("pluck", None)
    for ignored in ("ignore_permissions", "debug", "as_dict", "parent_doctype", "ignore_ifnull", "strict", "run"):
        request.pop(ignored, None)
    if "page_length" in request or "limit_page_length" in request:
        request["limit"] = request.pop("page_length", None) or request.pop("limit_page_length", None) or 0
    if "start" in request:
        request["limit_start"] = request.pop("start")
    if "filters" in request and isinstance(request["filters"], str):
        request["filters"] = {"name": request["filters"]}
    if pluck:
        request["fields"] = [pluck]
    names, rows = select(doctype, as_actor=as_actor, **request)
    if pluck:
        return [row[0] for row in rows]
    return rows if as_list else [AttrDict(zip(names, row, strict=True)) for row in rows]
