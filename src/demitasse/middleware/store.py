"""What the middleware keeps, in one SQLite file: device tokens, what webhooks told, orders, the last catalogue.

Several processes on one machine share the file: each statement that must be alone is a transaction that takes the
write lock first. What a crash must not lose is synced; what it may lose is told again by those who sent it.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demitasse.kernel import json
from demitasse.middleware.errors import InvalidConfiguration, StoreFailed
from demitasse.middleware.model import Device, Order, OrderState, Version

_FILE = "middleware.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, created_at_s INTEGER NOT NULL,
    revoked_at_s INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    id TEXT PRIMARY KEY, expires_at_s INTEGER NOT NULL, is_told INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS seen_expires ON seen (expires_at_s);
CREATE TABLE IF NOT EXISTS latest (
    push TEXT NOT NULL, identity TEXT NOT NULL, sequence INTEGER, modified TEXT, digest TEXT NOT NULL,
    noted_at_s INTEGER NOT NULL, PRIMARY KEY (push, identity)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS latest_noted ON latest (noted_at_s);
CREATE TABLE IF NOT EXISTS orders (
    owner TEXT NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, reference TEXT NOT NULL, fingerprint TEXT NOT NULL,
    sent_key TEXT NOT NULL, document BLOB NOT NULL, state TEXT NOT NULL, queues INTEGER NOT NULL, answer BLOB,
    status INTEGER NOT NULL, attempts INTEGER NOT NULL, due_at_s REAL NOT NULL, lease_until_s REAL NOT NULL,
    created_at_s INTEGER NOT NULL, PRIMARY KEY (owner, path, key)
);
CREATE UNIQUE INDEX IF NOT EXISTS orders_reference ON orders (path, reference);
CREATE INDEX IF NOT EXISTS orders_due ON orders (due_at_s) WHERE state IN ('queued', 'unknown', 'placing');
CREATE INDEX IF NOT EXISTS orders_created ON orders (created_at_s);
CREATE TABLE IF NOT EXISTS list (
    path TEXT PRIMARY KEY, body BLOB NOT NULL, fetched_at_s REAL NOT NULL
) WITHOUT ROWID;
"""
_ORDER = (
    "owner, path, key, reference, fingerprint, sent_key, document, state, queues, answer, status, attempts, due_at_s, "
    "lease_until_s, created_at_s"
)


class Store:
    """The file. Its methods block and may be called by any thread."""

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / _FILE
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            message = f"The middleware cannot keep its data in {folder}: {error}. Set DATA_DIR to a folder of its own"
            raise InvalidConfiguration(message, setting="DATA_DIR") from error
        self._guard = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        with self._guard:
            self._connection.close()

    # --- Devices ---------------------------------------------------------------------------------------------------

    def add_device(self, device: Device, digest: bytes) -> None:
        """Keep a new device and the hash of its token."""
        with self._writing(synced=True) as connection:
            connection.execute(
                "INSERT INTO device (id, name, hash, created_at_s) VALUES (?, ?, ?, ?)",
                (device.id, device.name, digest, device.created_at_s),
            )

    def find_device(self, digest: bytes) -> Device | None:
        """Return the device whose token has this hash and is not revoked."""
        row = self._one(
            "SELECT id, name, created_at_s, revoked_at_s FROM device WHERE hash = ? AND revoked_at_s IS NULL", (digest,)
        )
        return None if row is None else _device(row)

    def is_active(self, device_id: str) -> bool:
        """Return whether a device's token is not revoked."""
        return self._one("SELECT 1 FROM device WHERE id = ? AND revoked_at_s IS NULL", (device_id,)) is not None

    def devices(self) -> list[Device]:
        """Return all devices, the newest last."""
        rows = self._all("SELECT id, name, created_at_s, revoked_at_s FROM device ORDER BY created_at_s, id")
        return [_device(row) for row in rows]

    def revoke(self, device_id: str, *, now_s: int) -> bool:
        """Refuse a device's token from now on; return whether there is such a device."""
        with self._writing(synced=True) as connection:
            changed = connection.execute(
                "UPDATE device SET revoked_at_s = coalesce(revoked_at_s, ?) WHERE id = ?", (now_s, device_id)
            )
            return changed.rowcount == 1

    # --- Webhooks --------------------------------------------------------------------------------------------------

    def note_webhook(
        self, message_id: str | None, push: str, identity: str, version: Version, *, now_s: int, keep_s: int
    ) -> bool:
        """Note what a webhook tells, and return whether the phones must be told.

        A webhook that comes again is news only where the process died before it told them.
        """
        with self._writing(synced=False) as connection:
            self._forget(connection, now_s)
            if message_id is not None:
                found = connection.execute("SELECT is_told FROM seen WHERE id = ?", (message_id,)).fetchone()
                if found is not None:
                    return not found[0] and self._is_latest(connection, push, identity, version)
                connection.execute(
                    "INSERT INTO seen (id, expires_at_s, is_told) VALUES (?, ?, 0)", (message_id, now_s + keep_s)
                )
            if not version.is_news_after(self._known(connection, push, identity)):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO latest (push, identity, sequence, modified, digest, noted_at_s) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (push, identity, version.sequence, version.modified, version.digest, now_s),
            )
        return True

    def mark_told(self, message_id: str) -> None:
        """Note that the phones have been told what a webhook says."""
        with self._writing(synced=False) as connection:
            connection.execute("UPDATE seen SET is_told = 1 WHERE id = ?", (message_id,))

    def _is_latest(self, connection: sqlite3.Connection, push: str, identity: str, version: Version) -> bool:
        known = self._known(connection, push, identity)
        return known is None or known == version

    @staticmethod
    def _known(connection: sqlite3.Connection, push: str, identity: str) -> Version | None:
        row = connection.execute(
            "SELECT sequence, modified, digest FROM latest WHERE push = ? AND identity = ?", (push, identity)
        ).fetchone()
        return None if row is None else Version(sequence=row[0], modified=row[1], digest=row[2])

    @staticmethod
    def _forget(connection: sqlite3.Connection, now_s: int) -> None:
        connection.execute(
            "DELETE FROM seen WHERE id IN (SELECT id FROM seen WHERE expires_at_s < ? LIMIT 20)", (now_s,)
        )

    # --- Orders ----------------------------------------------------------------------------------------------------

    def reserve(self, order: Order, *, synced: bool) -> Order | None:
        """Keep a new order and return ``None``, or return the one that is there under its key.

        Args:
            synced: It must survive the loss of power, too.
        """
        with self._writing(synced=synced) as connection:
            row = connection.execute(
                f"SELECT {_ORDER} FROM orders WHERE owner = ? AND path = ? AND key = ?",  # noqa: S608 - our own columns
                (order.owner, order.path, order.key),
            ).fetchone()
            if row is not None:
                return _order(row)
            connection.execute(
                f"INSERT INTO orders ({_ORDER}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - as above
                _row(order),
            )
        return None

    def find_order(self, owner: str, path: str, key: str) -> Order | None:
        """Return a device's order."""
        row = self._one(f"SELECT {_ORDER} FROM orders WHERE owner = ? AND path = ? AND key = ?", (owner, path, key))  # noqa: S608 - our own columns
        return None if row is None else _order(row)

    def take_over(self, order: Order, *, lease_until_s: float) -> bool:
        """Take an order to work on it, unless somebody did since it was read."""
        with self._writing(synced=False) as connection:
            changed = connection.execute(
                "UPDATE orders SET state = 'placing', lease_until_s = ?, due_at_s = ?, attempts = attempts + 1 "
                "WHERE owner = ? AND path = ? AND key = ? AND state = ? AND lease_until_s = ? AND attempts = ?",
                (
                    lease_until_s,
                    lease_until_s,
                    order.owner,
                    order.path,
                    order.key,
                    order.state.value,
                    order.lease_until_s,
                    order.attempts,
                ),
            )
            return changed.rowcount == 1

    def extend(self, order: Order, *, lease_until_s: float) -> None:
        """Hold an order that is being worked on for longer."""
        with self._writing(synced=False) as connection:
            connection.execute(
                "UPDATE orders SET lease_until_s = ?, due_at_s = ? "
                "WHERE owner = ? AND path = ? AND key = ? AND attempts = ? AND state = 'placing'",
                (lease_until_s, lease_until_s, order.owner, order.path, order.key, order.attempts),
            )

    def settle(self, order: Order, *, synced: bool) -> None:
        """Keep what became of an order, unless another process has taken it up meanwhile.

        Args:
            synced: It must survive the loss of power, too.
        """
        with self._writing(synced=synced) as connection:
            connection.execute(
                "UPDATE orders SET state = ?, answer = ?, status = ?, due_at_s = ?, lease_until_s = 0, queues = ? "
                "WHERE owner = ? AND path = ? AND key = ? AND attempts = ?",
                (
                    order.state.value,
                    None if order.answer is None else json.encode(order.answer),
                    order.status,
                    order.due_at_s,
                    int(order.is_queued_on_failure),
                    order.owner,
                    order.path,
                    order.key,
                    order.attempts,
                ),
            )

    def forget_order(self, order: Order) -> None:
        """Make an order's key free again: nothing came of it."""
        with self._writing(synced=False) as connection:
            connection.execute(
                "DELETE FROM orders WHERE owner = ? AND path = ? AND key = ? AND attempts = ?",
                (order.owner, order.path, order.key, order.attempts),
            )

    def due_orders(self, *, now_s: float, limit: int) -> list[Order]:
        """Return orders that wait for the site, and those whose process died, the longest due first."""
        rows = self._all(
            f"SELECT {_ORDER} FROM orders WHERE state IN ('queued', 'unknown', 'placing') AND due_at_s <= ? "  # noqa: S608 - our own columns
            "AND lease_until_s <= ? AND queues = 1 ORDER BY due_at_s LIMIT ?",
            (now_s, now_s, limit),
        )
        return [_order(row) for row in rows]

    def waiting_orders(self) -> int:
        """Return how many orders wait for the site."""
        row = self._one("SELECT count(*) FROM orders WHERE state IN ('queued', 'unknown', 'placing') AND queues = 1")
        return int(row[0]) if row else 0

    def forget_old(self, *, before_s: int) -> None:
        """Delete what is settled or noted and older."""
        with self._writing(synced=False) as connection:
            connection.execute("DELETE FROM orders WHERE created_at_s < ? AND state IN ('done', 'failed')", (before_s,))
            connection.execute("DELETE FROM latest WHERE noted_at_s < ?", (before_s,))

    # --- Lists -----------------------------------------------------------------------------------------------------

    def keep_list(self, path: str, body: bytes, *, fetched_at_s: float) -> None:
        """Keep the last answer of a list, for a start while the site is down."""
        with self._writing(synced=False) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO list (path, body, fetched_at_s) VALUES (?, ?, ?)", (path, body, fetched_at_s)
            )

    def kept_list(self, path: str) -> tuple[bytes, float] | None:
        """Return the last answer of a list and when it was fetched."""
        row = self._one("SELECT body, fetched_at_s FROM list WHERE path = ?", (path,))
        return None if row is None else (row[0], row[1])

    def _one(self, sql: str, arguments: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        """Return the first row that a question finds."""
        with self._guard, _explained():
            found: tuple[Any, ...] | None = self._connection.execute(sql, arguments).fetchone()
        return found

    def _all(self, sql: str, arguments: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return all rows that a question finds."""
        with self._guard, _explained():
            return self._connection.execute(sql, arguments).fetchall()

    @contextmanager
    def _writing(self, *, synced: bool) -> Iterator[sqlite3.Connection]:
        """Hold the write lock of the file for the block, and commit at its end."""
        with self._guard, _explained():
            connection = self._connection
            connection.execute(f"PRAGMA synchronous={'FULL' if synced else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


@contextmanager
def _explained() -> Iterator[None]:
    """Raise the room's error for the driver's."""
    try:
        yield
    except sqlite3.Error as error:
        message = f"The middleware's file cannot be used: {error}"
        raise StoreFailed(message) from error


def _device(row: tuple[Any, ...]) -> Device:
    return Device(id=row[0], name=row[1], created_at_s=row[2], revoked_at_s=row[3])


def _row(order: Order) -> tuple[object, ...]:
    return (
        order.owner,
        order.path,
        order.key,
        order.reference,
        order.fingerprint,
        order.sent_key,
        json.encode(order.document),
        order.state.value,
        int(order.is_queued_on_failure),
        None if order.answer is None else json.encode(order.answer),
        order.status,
        order.attempts,
        order.due_at_s,
        order.lease_until_s,
        order.created_at_s,
    )


def _order(row: tuple[Any, ...]) -> Order:
    (owner, path, key, reference, fingerprint, sent_key, document, state, queues, answer, status, *numbers) = row
    attempts, due_at_s, lease_until_s, created_at_s = numbers
    return Order(
        owner=owner,
        path=path,
        key=key,
        reference=reference,
        fingerprint=fingerprint,
        sent_key=sent_key,
        document=json.decode(document),
        state=OrderState(state),
        is_queued_on_failure=bool(queues),
        answer=None if answer is None else json.decode(answer),
        status=status,
        attempts=attempts,
        due_at_s=due_at_s,
        lease_until_s=lease_until_s,
        created_at_s=created_at_s,
    )
