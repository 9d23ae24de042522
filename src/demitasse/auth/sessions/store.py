"""The statements about sessions."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from demitasse.auth.sessions.model import Session
from demitasse.db.codec import decoders, encoders
from demitasse.db.transaction import Row, Transaction
from demitasse.doctypes.field_types import Storage


def put_session(tx: Transaction, session: Session) -> None:
    """Keep a new session."""
    moment = _encode(tx)
    tx.run(
        'INSERT INTO "session" ("sid_hash", "user", "csrf_token", "created_at", "seen_at", "expires_at") '
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            session.id,
            session.actor.user,
            session.csrf_token,
            moment(session.created_at),
            moment(session.seen_at),
            moment(session.expires_at),
        ),
    )


def find_session(tx: Transaction, session_id: str) -> tuple[Row, tuple[datetime, datetime, datetime]] | None:
    """Return a session of an enabled user: user, token, full name and type; when it was made, last seen, and ends."""
    rows = tx.execute(
        'SELECT s."user", s."csrf_token", u."full_name", u."user_type", s."created_at", s."seen_at", s."expires_at" '
        'FROM "session" s JOIN "tabUser" u ON u."name" = s."user" WHERE s."sid_hash" = ? AND u."enabled" = 1',
        (session_id,),
    )
    if not rows:
        return None
    decode = decoders(tx.dialect)[Storage.DATETIME]
    made, seen, ends = (decode(value) for value in rows[0][4:])
    return rows[0][:4], (made, seen, ends)


def find_user(tx: Transaction, login: str) -> tuple[str, str | None, str | None] | None:
    """Return name, full name and type of the enabled user with this name."""
    rows = tx.execute(
        'SELECT "name", "full_name", "user_type" FROM "tabUser" WHERE "name" = ? AND "enabled" = 1', (login,)
    )
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def note_seen(tx: Transaction, session: Session) -> None:
    """Write down that a session is used."""
    moment = _encode(tx)
    tx.run(
        'UPDATE "session" SET "seen_at" = ?, "expires_at" = ? WHERE "sid_hash" = ?',
        (moment(session.seen_at), moment(session.expires_at), session.id),
    )


def remove_session(tx: Transaction, session_id: str) -> None:
    """Remove one session."""
    tx.run('DELETE FROM "session" WHERE "sid_hash" = ?', (session_id,))


def remove_sessions(tx: Transaction, user: str, *, but: str | None = None) -> None:
    """Remove the sessions of a user, all but the one with the id ``but``."""
    tx.run('DELETE FROM "session" WHERE "user" = ? AND "sid_hash" <> ?', (user, but or ""))


def remove_sessions_if_disabled(tx: Transaction, user: str) -> None:
    """Remove the sessions of a user who is disabled now."""
    tx.run(
        'DELETE FROM "session" WHERE "user" = ? AND EXISTS '
        '(SELECT 1 FROM "tabUser" u WHERE u."name" = ? AND u."enabled" = 0)',
        (user, user),
    )


def remove_expired(tx: Transaction, *, now: datetime) -> None:
    """Remove the sessions that have ended by themselves."""
    tx.run('DELETE FROM "session" WHERE "expires_at" <= ?', (_encode(tx)(now),))


def _encode(tx: Transaction) -> Callable[[Any], Any]:
    return encoders(tx.dialect)[Storage.DATETIME]
