"""Lists of documents, under an actor's permissions."""

from collections.abc import Mapping
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor, Reach, levels, reach
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Field
from demitasse.documents.access import check_doctype
from demitasse.documents.context import DocumentContext
from demitasse.documents.query import ListQuery, Readable
from demitasse.documents.query_parse import DEFAULT_LIMIT, parse_expression, parse_query
from demitasse.documents.query_run import Rows, count_query, run_query, run_query_wire
from demitasse.documents.repeated import remember, shape_of
from demitasse.kernel import json

_MOST_DIGITS = 9
_ASKED = ("fields", "filters", "or_filters", "order_by", "group_by", "distinct")


def from_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a request's arguments ask for, as ``select`` takes it.

    ``limit_page_length`` wins over ``limit``; 0 is all.
    """
    asked = {key: arguments[key] for key in _ASKED if arguments.get(key) not in (None, "")}
    for key in ("limit_page_length", "limit", "page_length"):
        if arguments.get(key) not in (None, ""):
            asked["limit"] = arguments[key]
            break
    for key in ("limit_start", "start"):
        if arguments.get(key) not in (None, ""):
            asked["limit_start"] = arguments[key]
            break
    if arguments.get("parent"):
        asked["parent"] = arguments["parent"]
    return asked


def is_long(asked: Mapping[str, Any], *, threshold: int) -> bool:
    """Return whether a list may have so many rows that the event loop should not make it."""
    limit = asked.get("limit", DEFAULT_LIMIT)
    text = str(limit).lstrip("0")
    return not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) > threshold


def select(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    *,
    actor: Actor | None,
    **asked: Any,
) -> Rows:
    """Return the rows that match, values as they are kept.

    Args:
        actor: Only documents that it may read; ``None`` is everybody's.
        asked: ``fields``, ``filters``, ``or_filters``, ``order_by``, ``group_by``, ``distinct``, ``limit``,
            ``limit_start`` as Frappe has them; ``parent`` for child DocTypes.

    Raises:
        NotPermitted: the actor may read none.
        InvalidQuery: something that was asked for cannot be.
    """
    shape = shape_of(asked) if actor is None else None
    if shape is None:
        return run_query(tx, _query(context, doctype, actor, asked))
    kept = context.plan(doctype).repeated
    found = kept.get(shape.key)
    if found is not None:
        rows: Rows = found.run(tx, shape)
        return rows
    query = _query(context, doctype, actor, asked)
    remember(kept, doctype, shape, query, dialect=tx.dialect)
    return run_query(tx, query)


def select_wire(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    *,
    actor: Actor | None,
    **asked: Any,
) -> Rows:
    """Return the rows that match, values as the API shows them; see ``select``."""
    return run_query_wire(tx, _query(context, doctype, actor, asked), zone=context.zone)


def count(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    *,
    actor: Actor | None,
    filters: Any = None,
    or_filters: Any = None,
    most: int | None = None,
) -> int:
    """Return how many documents match, among those that the actor may read.

    Args:
        most: The database stops counting there.
    """
    return count_query(tx, _query(context, doctype, actor, {"filters": filters, "or_filters": or_filters}), most=most)


def _query(context: DocumentContext, doctype: DocType, actor: Actor | None, asked: Mapping[str, Any]) -> ListQuery:
    wanted = dict(asked)
    parent = wanted.pop("parent", None)
    now = context.clock()
    restriction = None
    if actor is not None:
        if doctype.is_table:
            of_parent = _rows_of_parent(context, doctype, parent, actor)
            restriction = parse_expression(doctype, of_parent, registry=context.registry, zone=context.zone, now=now)
        elif check_doctype(doctype, "read", actor) is Reach.OWN:
            own = {"owner": actor.user}
            restriction = parse_expression(doctype, own, registry=context.registry, zone=context.zone, now=now)
    readable = None if actor is None or actor.is_administrator else _reader(actor, doctype)
    if readable is not None:
        wanted["fields"] = _readable_fields(wanted.get("fields"), doctype, readable)
    query = parse_query(
        doctype,
        registry=context.registry,
        zone=context.zone,
        now=now,
        readable=readable,
        **wanted,
    )
    return query if restriction is None else query.restricted(restriction)


def _readable_fields(fields: Any, doctype: DocType, readable: Readable) -> Any:
    """Return the fields without those of the DocType that may not be read: rows come without them, as in Frappe."""
    if isinstance(fields, str) and fields.lstrip().startswith("["):
        fields = json.decode(fields)
    if not isinstance(fields, list):
        return fields
    own = {name: doctype.by_name.get(doctype.canonical(name) or "") for name in fields if isinstance(name, str)}
    hidden = {name for name, field in own.items() if field is not None and not readable(doctype, field)}
    return [name for name in fields if not isinstance(name, str) or name not in hidden]


def _reader(actor: Actor, asked: DocType) -> Readable:
    """Return whether the actor may read a field: its level, and for another DocType that itself."""

    def may_read(doctype: DocType, field: Field) -> bool:
        is_other = doctype is not asked and not doctype.is_table
        if is_other and reach(doctype, "read", actor) is not Reach.ALL:
            return False
        return field.permlevel == 0 or field.permlevel in levels(doctype, "read", actor)

    return may_read


def _rows_of_parent(
    context: DocumentContext, doctype: DocType, parent: str | None, actor: Actor
) -> list[tuple[str, str, Any]]:
    """Return the filters for the rows of a child table that the actor may read: those in the DocType's own tables.

    Raises:
        NotPermitted: the actor may not read every document of the DocType, or none of the tables.
    """
    found = context.registry.find(parent) if isinstance(parent, str) else None
    fields = [field for field in found.table_fields if field.options == doctype.name] if found is not None else []
    if found is None or not fields:
        message = f"Name the DocType that {doctype.name} belongs to with parent"
        raise NotPermitted(message, doctype=doctype.name, action="read")
    if check_doctype(found, "read", actor) is not Reach.ALL:
        message = f"Rows of {doctype.name} are read with the {found.name} that they belong to"
        raise NotPermitted(message, doctype=doctype.name, action="read")
    allowed = levels(found, "read", actor) | {0}
    readable = [field.name for field in fields if field.permlevel in allowed]
    if not readable:
        message = f"Rows of {doctype.name} in {found.name} are above the permission levels of {actor.user}"
        raise NotPermitted(message, doctype=doctype.name, action="read")
    return [("parenttype", "=", found.name), ("parentfield", "in", readable)]
