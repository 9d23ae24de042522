"""The statements about what is remembered of incoming requests."""

from demitasse.db.transaction import Transaction
from demitasse.incoming.idempotency import Entry, StoredAnswer

_RESERVED, _ANSWERED = 0, 1
_SEEN = 'INTO "incoming_seen" ("source", "id", "seen_at", "expires_at") VALUES (?, ?, ?, ?)'
_KEY = 'INTO "idempotency" ("scope", "key", "request_hash", "state", "created_at") VALUES (?, ?, ?, ?, ?)'


def _unless_there(values: str) -> dict[str, str]:
    """Return the insert that leaves a row alone that is there; it waits for another transaction's row of the same key."""
    conflict = f"INSERT {values} ON CONFLICT DO NOTHING"
    return {"sqlite": conflict, "postgresql": conflict, "mariadb": f"INSERT IGNORE {values}"}


_NOTE_SEEN = _unless_there(_SEEN)
_RESERVE = _unless_there(_KEY)
_RENEW_SEEN = (
    'UPDATE "incoming_seen" SET "seen_at" = ?, "expires_at" = ? WHERE "source" = ? AND "id" = ? AND "expires_at" <= ?'
)
_EXPIRED_SEEN = 'SELECT "source", "id" FROM "incoming_seen" WHERE "expires_at" <= ? LIMIT ?'
_FORGET_SEEN = 'DELETE FROM "incoming_seen" WHERE "source" = ? AND "id" = ?'
_FIND = 'SELECT "request_hash", "state", "status", "answer", "created_at" FROM "idempotency" WHERE "scope" = ? AND "key" = ?'
_ANSWER = 'UPDATE "idempotency" SET "state" = ?, "status" = ?, "answer" = ? WHERE "scope" = ? AND "key" = ?'
_TAKE_OVER = (
    'UPDATE "idempotency" SET "request_hash" = ?, "state" = ?, "status" = NULL, "answer" = NULL, "created_at" = ? '
    'WHERE "scope" = ? AND "key" = ?'
)
_FORGET_KEY = 'DELETE FROM "idempotency" WHERE "scope" = ? AND "key" = ?'
_OLD_KEYS = 'SELECT "scope", "key" FROM "idempotency" WHERE "created_at" <= ? LIMIT ?'


def note_seen(tx: Transaction, source: str, identifier: str, *, now_s: int, expires_at_s: int) -> bool:
    """Write that a message was taken; return whether it is the first time, or long enough after the last."""
    if tx.run(_NOTE_SEEN[tx.dialect], (source, identifier, now_s, expires_at_s)) == 1:
        return True
    return tx.run(_RENEW_SEEN, (now_s, expires_at_s, source, identifier, now_s)) == 1


def forget_expired_seen(tx: Transaction, *, now_s: int, limit: int) -> int:
    """Delete up to ``limit`` rows that have done their time and return how many there were."""
    rows = tx.execute(_EXPIRED_SEEN, (now_s, limit))
    if rows:
        tx.run_many(_FORGET_SEEN, rows)
    return len(rows)


def reserve(tx: Transaction, scope: str, key: str, *, request_hash: str, now_s: int) -> bool:
    """Write that a request is worked on; return whether the key was free."""
    return tx.run(_RESERVE[tx.dialect], (scope, key, request_hash, _RESERVED, now_s)) == 1


def find(tx: Transaction, scope: str, key: str) -> Entry | None:
    """Return what is stored under a key."""
    rows = tx.execute(_FIND, (scope, key))
    if not rows:
        return None
    request_hash, state, status, content, created_at_s = rows[0]
    answer = StoredAnswer(status=status, content=content) if state == _ANSWERED else None
    return Entry(request_hash=request_hash, answer=answer, created_at_s=created_at_s)


def take_over(tx: Transaction, scope: str, key: str, *, request_hash: str, now_s: int) -> None:
    """Reserve a key again whose row is there already."""
    tx.run(_TAKE_OVER, (request_hash, _RESERVED, now_s, scope, key))


def put_answer(tx: Transaction, scope: str, key: str, answer: StoredAnswer) -> bool:
    """Store the answer under a key, and return whether it was reserved."""
    return tx.run(_ANSWER, (_ANSWERED, answer.status, answer.content, scope, key)) == 1


def forget_key(tx: Transaction, scope: str, key: str) -> None:
    """Make a key free again."""
    tx.run(_FORGET_KEY, (scope, key))


def forget_old_keys(tx: Transaction, *, before_s: int, limit: int) -> int:
    """Delete up to ``limit`` keys that were reserved before a moment and return how many there were."""
    rows = tx.execute(_OLD_KEYS, (before_s, limit))
    if rows:
        tx.run_many(_FORGET_KEY, rows)
    return len(rows)
