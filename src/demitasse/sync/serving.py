"""What this site tells others that pull from it: whole documents with their rows, a page in one call.

Moments are UTC here, in columns as the database has them: nothing is decoded and encoded again on the way out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor, Reach, levels
from demitasse.db.codec import moment_to_text
from demitasse.db.transaction import Row, Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries
from demitasse.documents.access import check_doctype
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError
from demitasse.sync import store
from demitasse.sync.identity import identity
from demitasse.sync.model import START, Position, Version, moment_of

PROTOCOL = 1
MAX_PAGE = 2_000
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What another site asks for.

    Args:
        filters: Frappe's; only documents that match are told of.
        limit: Rows in one answer.
    """

    doctype: DocType
    actor: Actor
    filters: Any = ()
    limit: int = MAX_PAGE

    @property
    def documents(self) -> int:
        """How many whole documents go into one answer."""
        return min(max(self.limit, 1), MAX_PAGE)

    @property
    def keys(self) -> int:
        """How many keys go into one answer."""
        return min(max(self.limit, 1), MAX_PAGE * 5)


def describe(context: DocumentContext, tx: Transaction, asked: Asked, *, kept_days: int) -> Answer:
    """Return what a puller must know before it reads: whose edits these are, what time it is here, how new the newest is.

    Args:
        kept_days: How long deletions are remembered; 0 for ever.

    Raises:
        NotPermitted: the asked.actor may not read every document of the kind.
    """
    check_readable(asked.doctype, asked.actor)
    now = context.clock()
    newest = newest_of(context, tx, asked.doctype, filters=asked.filters)
    return {
        "protocol": PROTOCOL,
        "site": identity(tx),
        "now": moment_to_text(now),
        "newest": list(newest) if newest else None,
        "deletions_since": moment_to_text(now - timedelta(days=kept_days)) if kept_days else "",
    }


def changes(context: DocumentContext, tx: Transaction, asked: Asked, after: Position) -> Answer:
    """Return whole documents behind a position, in order, and whether there are more."""
    check_readable(asked.doctype, asked.actor)
    limit = asked.documents
    columns = columns_for(asked.doctype, asked.actor)
    if asked.filters:
        keys = filtered_keys(context, tx, asked.doctype, after, filters=asked.filters, limit=limit)
        rows = store.rows_named(tx, asked.doctype, columns, [key.name for key in keys])
        place = columns.index("modified"), columns.index("name")
        rows.sort(key=lambda row: (store.stamp_of(row[place[0]]), row[place[1]]))
    else:
        rows = store.page_after(tx, asked.doctype, columns, after, limit=limit)
    return {**_documents(context, tx, asked.doctype, columns, rows, actor=asked.actor), "more": len(rows) >= limit}


def documents(context: DocumentContext, tx: Transaction, asked: Asked, names: Sequence[str]) -> Answer:
    """Return whole documents of these names, as far as they are there and match."""
    check_readable(asked.doctype, asked.actor)
    columns = columns_for(asked.doctype, asked.actor)
    if asked.filters:
        wanted = [*_conditions(asked.filters), ["name", "in", list(names)]]
        found = queries.select(context, tx, asked.doctype, actor=None, fields=["name"], filters=wanted, limit=0)
        names = [row[0] for row in found.rows]
    return _documents(
        context, tx, asked.doctype, columns, store.rows_named(tx, asked.doctype, columns, names), actor=asked.actor
    )


def keys(context: DocumentContext, tx: Transaction, asked: Asked, after: Position, *, until: str | None) -> Answer:
    """Return ``modified`` and name of the documents behind a position, in order."""
    check_readable(asked.doctype, asked.actor)
    limit = asked.keys
    if asked.filters:
        found = filtered_keys(context, tx, asked.doctype, after, filters=asked.filters, limit=limit, until=until)
        return {"keys": [list(key) for key in found], "more": len(found) >= limit}
    rows = store.keys_after(tx, asked.doctype, after, limit=limit, until=until)
    return {"keys": [[store.stamp_of(row[0]), row[1]] for row in rows], "more": len(rows) >= limit}


def names(context: DocumentContext, tx: Transaction, asked: Asked, after: str) -> Answer:
    """Return ``modified`` and name of all documents by their names, from behind one on."""
    check_readable(asked.doctype, asked.actor)
    limit = asked.keys
    if asked.filters:
        wanted = [*_conditions(asked.filters), ["name", ">", after]]
        found = queries.select(
            context,
            tx,
            asked.doctype,
            actor=None,
            fields=["modified", "name"],
            filters=wanted,
            order_by="name asc",
            limit=limit,
        )
        rows: list[Row] = [(moment_to_text(row[0]), row[1]) for row in found.rows]
    else:
        rows = store.names_after(tx, asked.doctype, after, limit=limit)
    return {"keys": [[store.stamp_of(row[0]), row[1]] for row in rows], "more": len(rows) >= limit}


def deletions(tx: Transaction, asked: Asked, after: Position) -> Answer:
    """Return tombstones behind a position; of a document that is there again only how far to go on."""
    check_readable(asked.doctype, asked.actor)
    limit = asked.documents
    rows = store.tombstones_after(tx, asked.doctype, after, limit=limit)
    return {
        "deletions": [
            {
                "position": [store.stamp_of(row[0]), row[1]],
                "name": row[2],
                "new_name": row[3],
                "origin": row[4] or "",
                "is_there": row[5] is not None,
            }
            for row in rows
        ],
        "more": len(rows) >= limit,
    }


def check_readable(doctype: DocType, actor: Actor) -> None:
    """Refuse a user who may not read every document: what it does not see would be taken for deleted.

    Raises:
        NotPermitted: it may not.
        DocumentError: the DocType has no documents of its own.
    """
    if doctype.is_table or doctype.is_single:
        message = f"{doctype.name} has no list of documents, so it cannot be pulled"
        raise DocumentError(message, doctype=doctype.name)
    if check_doctype(doctype, "read", actor) is not Reach.ALL:
        message = f"{actor.user} may read only its own {doctype.name} documents: sync needs a user that may read all"
        raise NotPermitted(message, doctype=doctype.name, action="read")


def columns_for(doctype: DocType, actor: Actor) -> tuple[str, ...]:
    """Return the columns that an actor may see; ciphertext never leaves."""
    allowed = levels(doctype, "read", actor) | {0}
    return tuple(f.name for f in doctype.columns if not f.type.is_secret and f.permlevel in allowed)


def filtered_keys(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    after: Position,
    *,
    filters: Any,
    limit: int,
    until: str | None = None,
) -> list[Position]:
    """Return positions behind one of the documents that match, in order: first those of its moment, then later ones."""
    conditions = _conditions(filters)
    found: list[Position] = []
    steps: list[list[Any]] = [[]]
    if after != START and after.modified:
        at = moment_of(after.modified, zone=UTC)
        steps = [[["modified", "=", at], ["name", ">", after.name]], [["modified", ">", at]]]
    for step in steps:
        wanted = [*conditions, *step]
        if until is not None:
            wanted.append(["modified", "<=", moment_of(until, zone=UTC)])
        rows = queries.select(
            context,
            tx,
            doctype,
            actor=None,
            fields=["modified", "name"],
            filters=wanted,
            order_by="modified asc, name asc",
            limit=limit - len(found),
        )
        found += [Position(moment_to_text(row[0]), row[1]) for row in rows.rows]
        if len(found) >= limit:
            break
    return found


def newest_of(context: DocumentContext, tx: Transaction, doctype: DocType, *, filters: Any) -> Position | None:
    """Return the position of the matching document that was changed last."""
    if not filters:
        return store.newest(tx, doctype)
    rows = queries.select(
        context,
        tx,
        doctype,
        actor=None,
        fields=["modified", "name"],
        filters=_conditions(filters),
        order_by="modified desc, name desc",
        limit=1,
    ).rows
    return Position(moment_to_text(rows[0][0]), rows[0][1]) if rows else None


def versions_of(tx: Transaction, doctype: DocType, rows: Mapping[str, str], *, own_site: str) -> dict[str, Version]:
    """Return which edit each document shows: one taken over and not changed since keeps that of its origin.

    Args:
        rows: ``modified`` by name.
    """
    marks = store.marks_here(tx, doctype.name, list(rows))
    found: dict[str, Version] = {}
    for name, modified in rows.items():
        clean = next((mark for mark in marks.get(name, ()) if mark.local_modified == modified), None)
        found[name] = clean.version if clean else Version(own_site, modified)
    return found


def _documents(
    context: DocumentContext,
    tx: Transaction,
    doctype: DocType,
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    actor: Actor,
) -> Answer:
    name_at, modified_at = columns.index("name"), columns.index("modified")
    names = [row[name_at] for row in rows]
    tables = {}
    for field in doctype.table_fields:
        if field.permlevel and field.permlevel not in levels(doctype, "read", actor):
            continue
        child = context.registry.get(field.options or "")
        wanted = tuple(f.name for f in child.columns if not f.type.is_secret and f.name not in _NOT_OF_ROWS)
        found = store.children_of(tx, child, wanted, names, parent=doctype, field=field.name) if names else []
        tables[field.name] = {"fields": wanted, "rows": found}
    stamps = {row[name_at]: store.stamp_of(row[modified_at]) for row in rows}
    own_site = identity(tx)
    versions = versions_of(tx, doctype, stamps, own_site=own_site)
    return {
        "fields": columns,
        "rows": rows,
        "tables": tables,
        "versions": [list(versions[name]) for name in names],
        "now": moment_to_text(context.clock()),
    }


_NOT_OF_ROWS = frozenset({"owner", "creation", "modified", "modified_by", "docstatus", "parenttype", "parentfield"})


def _conditions(filters: Any) -> list[Any]:
    """Return filters of either of Frappe's forms as a list that more can be added to."""
    if isinstance(filters, Mapping):
        return [
            [key, *value] if isinstance(value, list | tuple) else [key, "=", value] for key, value in filters.items()
        ]
    return list(filters or ())
