"""The statements of the broker pattern: what is to be published, how far streams and rules have come."""

from collections.abc import Iterable, Sequence

from demitasse.db.transaction import Row, Transaction

_NOTE = 'INSERT INTO "sync_stream_outbox" ("doctype", "name") VALUES (?, ?)'
_AFTER = 'SELECT "id", "name" FROM "sync_stream_outbox" WHERE "doctype" = ? AND "id" > ? ORDER BY "id" LIMIT ?'
_OLDEST = 'SELECT MIN("id") FROM "sync_stream_outbox" WHERE "doctype" = ?'
_FORGET = 'DELETE FROM "sync_stream_outbox" WHERE "doctype" = ? AND "id" <= ?'
_WAITING = 'SELECT COUNT(*) FROM "sync_stream_outbox" WHERE "doctype" = ? AND "id" > ?'
_SENT = 'SELECT "last", "previous" FROM "sync_stream_sent" WHERE "stream" = ?'
_SEEN = 'SELECT "last" FROM "sync_stream_seen" WHERE "sync_rule" = ?'
_PUBLISHED = 'SELECT DISTINCT "document_type" FROM "tabSync Rule" WHERE "pattern" = \'Publish\' AND "enabled" = 1'
_OLD_NAME = (
    'SELECT "deleted_name" FROM "tabDeleted Document" WHERE "deleted_doctype" = ? AND "new_name" = ? '
    'ORDER BY "modified" DESC, "name" DESC LIMIT 1'
)
_TOMBSTONE = (
    'SELECT "modified", "new_name", "sync_origin" FROM "tabDeleted Document" '
    'WHERE "deleted_doctype" = ? AND "deleted_name" = ? ORDER BY "modified" DESC, "name" DESC LIMIT 1'
)


def published_doctypes(tx: Transaction) -> frozenset[str]:
    """Return the DocTypes whose changes go to a broker."""
    return frozenset(row[0] for row in tx.execute(_PUBLISHED))


def note(tx: Transaction, changed: Iterable[tuple[str, str]]) -> None:
    """Write that documents have changed."""
    tx.run_many(_NOTE, changed)


def changed_after(tx: Transaction, doctype: str, after: int, *, limit: int) -> list[tuple[int, str]]:
    """Return number and name of documents that have changed, in order."""
    return [(row[0], row[1]) for row in tx.execute(_AFTER, (doctype, after, limit))]


def number_before(tx: Transaction, doctype: str) -> int:
    """Return a number before that of the oldest change that is noted."""
    oldest = tx.execute(_OLDEST, (doctype,))[0][0]
    return oldest - 1 if oldest else 0


def count_waiting(tx: Transaction, doctype: str, after: int) -> int:
    """Return how many changes a stream does not have yet."""
    count: int = tx.execute(_WAITING, (doctype, after))[0][0]
    return count


def forget_changes(tx: Transaction, doctype: str, *, until: int) -> None:
    """Remove changes that every stream has."""
    tx.run(_FORGET, (doctype, until))


def sent(tx: Transaction, stream: str) -> tuple[int, int] | None:
    """Return the last change that a stream has looked at, and the last message that it has."""
    rows = tx.execute(_SENT, (stream,))
    return (rows[0][0], rows[0][1]) if rows else None


def put_sent(tx: Transaction, stream: str, *, last: int, previous: int) -> None:
    """Write how far a stream has come."""
    tx.run('DELETE FROM "sync_stream_sent" WHERE "stream" = ?', (stream,))
    tx.run('INSERT INTO "sync_stream_sent" ("stream", "last", "previous") VALUES (?, ?, ?)', (stream, last, previous))


def forget_other_streams(tx: Transaction, streams: Sequence[str]) -> None:
    """Forget how far streams have come that nothing publishes to: when one comes back, all is fetched anew."""
    marks = ", ".join("?" * len(streams))
    where = f' WHERE "stream" NOT IN ({marks})' if streams else ""
    tx.run(f'DELETE FROM "sync_stream_sent"{where}', tuple(streams))  # noqa: S608 - question marks


def seen(tx: Transaction, rule: str) -> int | None:
    """Return the message up to which a rule has all; ``None`` before its first fetch."""
    rows = tx.execute(_SEEN, (rule,))
    return rows[0][0] if rows else None


def put_seen(tx: Transaction, rule: str, last: int) -> None:
    """Write the message up to which a rule has all."""
    tx.run('DELETE FROM "sync_stream_seen" WHERE "sync_rule" = ?', (rule,))
    tx.run('INSERT INTO "sync_stream_seen" ("sync_rule", "last") VALUES (?, ?)', (rule, last))


def old_name(tx: Transaction, doctype: str, new: str) -> str | None:
    """Return what a document was called that was renamed last to this name."""
    rows = tx.execute(_OLD_NAME, (doctype, new))
    return rows[0][0] if rows else None


def tombstone(tx: Transaction, doctype: str, name: str) -> Row | None:
    """Return modified, new name and origin of a document's last tombstone."""
    rows = tx.execute(_TOMBSTONE, (doctype, name))
    return rows[0] if rows else None
