"""The statements about API keys."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from demitasse.auth.keys.model import ApiKey
from demitasse.db.codec import decoders, encoders
from demitasse.db.transaction import Row, Transaction
from demitasse.doctypes.field_types import Storage

_COLUMNS = '"api_key", "user", "label", "created_at", "last_used_at", "expires_at"'


def find_secret(tx: Transaction, api_key: str) -> tuple[str, str, datetime | None] | None:
    """Return the user of a key, the secret's hash and when the key ends, if its user is enabled."""
    rows = tx.execute(
        'SELECT k."user", k."secret_hash", k."expires_at" FROM "api_key" k JOIN "tabUser" u ON u."name" = k."user" '
        'WHERE k."api_key" = ? AND u."enabled" = 1',
        (api_key,),
    )
    return (rows[0][0], rows[0][1], _decode(tx, rows[0][2])) if rows else None


def find_key(tx: Transaction, api_key: str) -> ApiKey | None:
    """Return what is kept of a key."""
    rows = tx.execute(f'SELECT {_COLUMNS} FROM "api_key" WHERE "api_key" = ?', (api_key,))  # noqa: S608 - constants
    return _to_key(tx, rows[0]) if rows else None


def keys_of(tx: Transaction, user: str | None, *, limit: int) -> list[ApiKey]:
    """Return a user's keys, or everybody's, newest first."""
    where, params = ('WHERE "user" = ? ', [user]) if user is not None else ("", [])
    sql = f'SELECT {_COLUMNS} FROM "api_key" {where}ORDER BY "created_at" DESC, "api_key" LIMIT ?'  # noqa: S608 - constants
    return [_to_key(tx, row) for row in tx.execute(sql, (*params, limit))]


def put_key(tx: Transaction, key: ApiKey, *, secret_hash: str) -> None:
    """Keep a new key."""
    moment = _encode(tx)
    tx.run(
        'INSERT INTO "api_key" ("api_key", "user", "secret_hash", "label", "created_at", "expires_at") '
        "VALUES (?, ?, ?, ?, ?, ?)",
        (
            key.api_key,
            key.user,
            secret_hash,
            key.label,
            moment(key.created_at),
            None if key.expires_at is None else moment(key.expires_at),
        ),
    )


def remove_unlabelled(tx: Transaction, user: str) -> str | None:
    """Remove the key of a user that has no label, and return what it was."""
    rows = tx.execute('SELECT "api_key" FROM "api_key" WHERE "user" = ? AND "label" IS NULL', (user,))
    tx.run('DELETE FROM "api_key" WHERE "user" = ? AND "label" IS NULL', (user,))
    return rows[0][0] if rows else None


def remove_key(tx: Transaction, api_key: str) -> None:
    """Remove a key."""
    tx.run('DELETE FROM "api_key" WHERE "api_key" = ?', (api_key,))


def note_uses(tx: Transaction, uses: Mapping[str, datetime]) -> None:
    """Write down when keys were last used."""
    moment = _encode(tx)
    rows = [(moment(at), key) for key, at in uses.items()]
    tx.run_many('UPDATE "api_key" SET "last_used_at" = ? WHERE "api_key" = ?', rows)


def _to_key(tx: Transaction, row: Row) -> ApiKey:
    api_key, user, label, created_at, last_used_at, expires_at = row
    return ApiKey(
        api_key=api_key,
        user=user,
        label=label,
        created_at=decoders(tx.dialect)[Storage.DATETIME](created_at),
        last_used_at=_decode(tx, last_used_at),
        expires_at=_decode(tx, expires_at),
    )


def _decode(tx: Transaction, value: Any) -> datetime | None:
    return None if value is None else decoders(tx.dialect)[Storage.DATETIME](value)


def _encode(tx: Transaction) -> Callable[[datetime], Any]:
    return encoders(tx.dialect)[Storage.DATETIME]
