"""From the parts of a list request, in Frappe's forms, to a query."""

from datetime import datetime, tzinfo
from typing import Any

from demitasse.doctypes.model import DocType, Registry
from demitasse.documents.query import Expression, ListQuery, Readable, all_of
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.query_filters import parse_filters
from demitasse.documents.query_names import Scope, vocabulary_of
from demitasse.documents.query_selection import parse_selection

DEFAULT_LIMIT = 20
_MAX_COUNT = 2**31 - 1
_FALSE = frozenset({"", "0", "false", "no"})


def parse_query(  # noqa: PLR0913 - the parts of a request
    doctype: DocType,
    *,
    registry: Registry,
    zone: tzinfo,
    now: datetime,
    fields: Any = None,
    filters: Any = None,
    or_filters: Any = None,
    order_by: Any = None,
    group_by: Any = None,
    limit_start: Any = 0,
    limit: Any = DEFAULT_LIMIT,
    distinct: Any = False,
    readable: Readable | None = None,
) -> ListQuery:
    """Return the query that a list request stands for.

    Args:
        zone: The zone of naive moments and of days in filters.
        now: The present moment, aware; spans such as ``this month`` count from it.
        fields: Names in a list, in JSON or with commas between them; ``*`` for all; nothing for the name alone.
        filters: See ``query_filters``; decoded or JSON.
        or_filters: In the same forms; one of them must hold.
        order_by: ``field``, ``field desc``, several with commas; nothing for the latest first.
        distinct: Truth as Python or JSON has it, or as text.
        limit: Most rows; 0 (or a word) for all, nothing for 20.
        readable: Whether the one who asks may read a field. It is asked for fields with a permission level and for
            every field of another DocType. A field that may not be read is left out of ``*`` and otherwise unknown.

    Raises:
        UnknownField: a name is no field that may be read.
        InvalidQuery: another part cannot be used; the message says which.
        MalformedJson: a text is not JSON.
    """
    scope = _scope(doctype, registry, zone, now, readable)
    where = parse_filters(scope, filters) if filters else None
    if or_filters:
        where = all_of(where, parse_filters(scope, or_filters, is_any=True))
    asked = DEFAULT_LIMIT if limit is None or limit == "" else _count(limit, "limit")
    return ListQuery(
        selection=parse_selection(
            scope, fields=fields, order_by=order_by, group_by=group_by, is_distinct=_is_true(distinct)
        ),
        where=where,
        limit=asked or None,
        offset=_count(limit_start, "limit_start") if limit_start else 0,
    )


def parse_expression(
    doctype: DocType,
    filters: Any,
    *,
    registry: Registry,
    zone: tzinfo,
    now: datetime,
) -> Expression | None:
    """Return what filters stand for, for ``ListQuery.restricted``; every field may be named.

    Raises:
        InvalidQuery: they cannot be used; the message says why.
    """
    return parse_filters(_scope(doctype, registry, zone, now, None), filters)


def _scope(doctype: DocType, registry: Registry, zone: tzinfo, now: datetime, readable: Readable | None) -> Scope:
    if doctype.is_single:
        message = f"{doctype.name} is a single document and has no list: read it as the document {doctype.name}"
        raise InvalidQuery(message, doctype=doctype.name)
    return Scope(vocabulary=vocabulary_of(doctype), registry=registry, zone=zone, now=now, readable=readable)


def _is_true(value: Any) -> bool:
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def _count(value: Any, part: str) -> int:
    """Return a number of rows; text that is no number counts as 0, as in Frappe."""
    if not isinstance(value, int):
        try:
            value = int(float(value))
        except (ValueError, TypeError, OverflowError):
            value = 0
    if not 0 <= value <= _MAX_COUNT:
        message = f"{part} must be between 0 and {_MAX_COUNT}, not {str(value)[:30]}"
        raise InvalidQuery(message, part=part)
    return int(value)
