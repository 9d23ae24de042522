"""The statements of sync: marks, the site's identity, and the reading of whole pages of documents."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from demitasse.db.codec import encoders, moment_to_text
from demitasse.db.transaction import Row, Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType
from demitasse.sync.model import Mark, Position, Version

CHUNK = 500
"""Names in one statement."""
_MARK_COLUMNS = (
    "site",
    "doctype",
    "remote_name",
    "local_doctype",
    "local_name",
    "remote_modified",
    "local_modified",
    "version_site",
    "version_stamp",
    "sequence",
    "is_deleted",
)
_MARKS = f'SELECT {", ".join(f"{chr(34)}{name}{chr(34)}" for name in _MARK_COLUMNS)} FROM "sync_mark"'  # noqa: S608 - constants
_PUT_MARK = (
    f'INSERT INTO "sync_mark" ({", ".join(f"{chr(34)}{name}{chr(34)}" for name in _MARK_COLUMNS)}) '  # noqa: S608 - constants
    f"VALUES ({', '.join('?' * len(_MARK_COLUMNS))})"
)
_FORGET_MARK = 'DELETE FROM "sync_mark" WHERE "site" = ? AND "doctype" = ? AND "remote_name" = ?'


def find_identity(tx: Transaction) -> str | None:
    """Return this site's id, ``None`` before it has one."""
    rows = tx.execute('SELECT "site_id" FROM "sync_identity" WHERE "id" = 1')
    return rows[0][0] if rows else None


def put_identity(tx: Transaction, site_id: str) -> None:
    """Give this site an id, another one than it had."""
    tx.run('DELETE FROM "sync_identity" WHERE "id" = 1')
    tx.run('INSERT INTO "sync_identity" ("id", "site_id") VALUES (1, ?)', (site_id,))


def marks_of(tx: Transaction, site: str, doctype: str, names: Sequence[str]) -> dict[str, Mark]:
    """Return the marks of a source's documents, by their names there."""
    found: dict[str, Mark] = {}
    for chunk in _chunks(names):
        where = f' WHERE "site" = ? AND "doctype" = ? AND "remote_name" IN ({_marks(chunk)})'
        for row in tx.execute(_MARKS + where, (site, doctype, *chunk)):
            mark = _mark(row)
            found[mark.remote_name] = mark
    return found


def marks_here(tx: Transaction, local_doctype: str, names: Sequence[str]) -> dict[str, list[Mark]]:
    """Return the marks of documents of this site, by their names here; one may be known to several sites."""
    found: dict[str, list[Mark]] = {}
    for chunk in _chunks(names):
        where = f' WHERE "local_doctype" = ? AND "local_name" IN ({_marks(chunk)}) AND "is_deleted" = 0'
        for row in tx.execute(_MARKS + where, (local_doctype, *chunk)):
            mark = _mark(row)
            found.setdefault(mark.local_name, []).append(mark)
    return found


def marks_after(
    tx: Transaction, site: str, doctype: str, *, after: str, limit: int, up_to: str | None = None
) -> list[Mark]:
    """Return marks of live documents by their names at the source, from behind one on."""
    where = ' WHERE "site" = ? AND "doctype" = ? AND "remote_name" > ? AND "is_deleted" = 0'
    params: list[Any] = [site, doctype, after]
    if up_to is not None:
        where += ' AND "remote_name" <= ?'
        params.append(up_to)
    rows = tx.execute(_MARKS + where + ' ORDER BY "remote_name" LIMIT ?', (*params, limit))
    return [_mark(row) for row in rows]


def put_marks(tx: Transaction, marks: Iterable[Mark]) -> None:
    """Write marks, in the place of those that are there."""
    rows = [_mark_row(mark) for mark in marks]
    if tx.dialect == "sqlite":
        tx.run_many(_PUT_MARK.replace("INSERT", "INSERT OR REPLACE", 1), rows)
        return
    tx.run_many(_FORGET_MARK, [row[:3] for row in rows])
    tx.run_many(_PUT_MARK, rows)


def forget_mark(tx: Transaction, site: str, doctype: str, name: str) -> None:
    """Remove a mark."""
    tx.run(_FORGET_MARK, (site, doctype, name))


def move_mark(tx: Transaction, local_doctype: str, old: str, new: str) -> None:
    """Let the marks of a document that was renamed here follow it."""
    tx.run(
        'UPDATE "sync_mark" SET "local_name" = ? WHERE "local_doctype" = ? AND "local_name" = ?',
        (new, local_doctype, old),
    )


def has_other_names(tx: Transaction, site: str, doctype: str) -> bool:
    """Return whether documents of this kind are called differently on both sides."""
    return bool(
        tx.execute(
            'SELECT 1 FROM "sync_mark" WHERE "site" = ? AND "doctype" = ? AND "remote_name" <> "local_name" LIMIT 1',
            (site, doctype),
        )
    )


def local_rows(tx: Transaction, doctype: DocType, names: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Return ``modified`` (its text) and docstatus of those documents that are here."""
    found: dict[str, tuple[str, int]] = {}
    for chunk in _chunks(names):
        sql = f'SELECT "name", "modified", "docstatus" FROM "{doctype.table}" WHERE "name" IN ({_marks(chunk)})'  # noqa: S608 - the DocType's own table
        for name, modified, docstatus in tx.execute(sql, chunk):
            found[name] = (stamp_of(modified), docstatus or 0)
    return found


def was_deleted(tx: Transaction, doctype: str, name: str) -> bool:
    """Return whether there is a tombstone of a document."""
    sql = 'SELECT 1 FROM "tabDeleted Document" WHERE "deleted_doctype" = ? AND "deleted_name" = ? LIMIT 1'
    return bool(tx.execute(sql, (doctype, name)))


# --- Reading whole pages, for other sites -----------------------------------------------------------------------------


def keys_after(
    tx: Transaction, doctype: DocType, after: Position, *, limit: int, until: str | None = None
) -> list[Row]:
    """Return ``modified`` and name of documents behind a position, in order.

    Args:
        until: The last ``modified`` that is wanted.
    """
    return _page(tx, doctype, ("modified", "name"), after, limit=limit, until=until)


def page_after(tx: Transaction, doctype: DocType, columns: Sequence[str], after: Position, *, limit: int) -> list[Row]:
    """Return columns of documents behind a position, in order."""
    return _page(tx, doctype, columns, after, limit=limit, until=None)


def names_after(tx: Transaction, doctype: DocType, after: str, *, limit: int) -> list[Row]:
    """Return ``modified`` and name of documents by their names, from behind one on."""
    sql = f'SELECT "modified", "name" FROM "{doctype.table}" WHERE "name" > ? ORDER BY "name" LIMIT ?'  # noqa: S608 - the DocType's own table
    return tx.execute(sql, (after, limit))


def rows_named(tx: Transaction, doctype: DocType, columns: Sequence[str], names: Sequence[str]) -> list[Row]:
    """Return columns of documents of these names, in no order."""
    found: list[Row] = []
    for chunk in _chunks(names):
        sql = f'SELECT {_listed(columns)} FROM "{doctype.table}" WHERE "name" IN ({_marks(chunk)})'  # noqa: S608 - names from the DocType
        found += tx.execute(sql, chunk)
    return found


def children_of(
    tx: Transaction, child: DocType, columns: Sequence[str], parents: Sequence[str], *, parent: DocType, field: str
) -> list[Row]:
    """Return columns of the rows that these documents have in one table, in order."""
    found: list[Row] = []
    for chunk in _chunks(parents):
        sql = (
            f'SELECT {_listed(columns)} FROM "{child.table}" WHERE "parent" IN ({_marks(chunk)}) '  # noqa: S608 - names from the DocType
            'AND "parenttype" = ? AND "parentfield" = ? ORDER BY "parent", "idx"'
        )
        found += tx.execute(sql, (*chunk, parent.name, field))
    return found


def newest(tx: Transaction, doctype: DocType) -> Position | None:
    """Return the position of the document that was changed last."""
    rows = tx.execute(f'SELECT "modified", "name" FROM "{doctype.table}" ORDER BY "modified" DESC, "name" DESC LIMIT 1')  # noqa: S608 - as above
    return Position(stamp_of(rows[0][0]), rows[0][1]) if rows else None


def tombstones_after(tx: Transaction, doctype: DocType, after: Position, *, limit: int) -> list[Row]:
    """Return deletions and renames behind a position: modified, name, deleted_name, new_name, sync_origin, is there now."""
    sql = (
        'SELECT d."modified", d."name", d."deleted_name", d."new_name", d."sync_origin", t."name" '  # noqa: S608 - the DocType's own table
        f'FROM "tabDeleted Document" d LEFT JOIN "{doctype.table}" t ON t."name" = d."deleted_name" '
        'WHERE d."deleted_doctype" = ? AND (d."modified" > ? OR (d."modified" = ? AND d."name" > ?)) '
        'ORDER BY d."modified", d."name" LIMIT ?'
    )
    at = _moment(tx, after.modified)
    return tx.execute(sql, (doctype.name, at, at, after.name, limit))


def stamp_of(moment: Any) -> str:
    """Return a column's moment as text: SQLite has it so, the servers give naive UTC."""
    if isinstance(moment, str):
        return moment
    return "" if moment is None else moment_to_text(moment)


def _page(
    tx: Transaction, doctype: DocType, columns: Sequence[str], after: Position, *, limit: int, until: str | None
) -> list[Row]:
    # A row comparison is one range of the index (modified, name) on every database.
    where = '("modified", "name") > (?, ?)'
    params: list[Any] = [_moment(tx, after.modified), after.name]
    if until is not None:
        where += ' AND "modified" <= ?'
        params.append(_moment(tx, until))
    sql = f'SELECT {_listed(columns)} FROM "{doctype.table}" WHERE {where} ORDER BY "modified", "name" LIMIT ?'  # noqa: S608 - names from the DocType
    return tx.execute(sql, (*params, limit))


def _moment(tx: Transaction, text: str) -> Any:
    if tx.dialect == "sqlite" or not text:
        return text or "0001-01-01 00:00:00.000000"
    return encoders(tx.dialect)[Storage.DATETIME](datetime.fromisoformat(text + "+00:00"))


def _mark(row: Row) -> Mark:
    values: Mapping[str, Any] = dict(zip(_MARK_COLUMNS, row, strict=True))
    return Mark(
        site=values["site"],
        doctype=values["doctype"],
        remote_name=values["remote_name"],
        local_doctype=values["local_doctype"],
        local_name=values["local_name"],
        remote_modified=values["remote_modified"],
        local_modified=values["local_modified"],
        version=Version(values["version_site"], values["version_stamp"]),
        sequence=values["sequence"],
        is_deleted=bool(values["is_deleted"]),
    )


def _mark_row(mark: Mark) -> tuple[Any, ...]:
    return (
        mark.site,
        mark.doctype,
        mark.remote_name,
        mark.local_doctype,
        mark.local_name,
        mark.remote_modified,
        mark.local_modified,
        mark.version.site,
        mark.version.stamp,
        mark.sequence,
        int(mark.is_deleted),
    )


def _chunks(names: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(names), CHUNK):
        yield names[start : start + CHUNK]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def forget_rows_of(tx: Transaction, doctype: str, rule: str) -> None:
    """Remove the rows of a DocType that belong to a rule."""
    tx.run(f'DELETE FROM "tab{doctype}" WHERE "sync_rule" = ?', (rule,))  # noqa: S608 - the caller's constants


_PUSH_RULES = (
    'SELECT r."name", r."remote_site", r."document_type", r."remote_doctype", r."filters", r."webhook", '
    'w."paused" FROM "tabSync Rule" r '
    'JOIN "tabRemote Site" s ON s."name" = r."remote_site" AND s."enabled" = 1 '
    'JOIN "tabWebhook" w ON w."name" = r."webhook" AND w."enabled" = 1 '
    'WHERE r."pattern" = ? AND r."enabled" = 1 ORDER BY r."name"'
)


def push_rules(tx: Transaction) -> list[dict[str, Any]]:
    """Return the rules that push, with what their sites and webhooks say."""
    names = ("name", "remote_site", "document_type", "remote_doctype", "filters", "webhook", "paused")
    return [dict(zip(names, row, strict=True)) for row in tx.execute(_PUSH_RULES, ("Push",))]


def peer_of(tx: Transaction, site: str) -> str | None:
    """Return the id of a Remote Site, which its first call or push tells."""
    rows = tx.execute('SELECT "site_id" FROM "tabRemote Site" WHERE "name" = ?', (site,))
    return rows[0][0] if rows else None
