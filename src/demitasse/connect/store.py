"""The statements about authorisations under way, grants and the ledger; all are part of the caller's transaction."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from demitasse.connect.model import Flow, Grant, GrantState, LedgerEntry, Tokens
from demitasse.db.transaction import Row, Transaction

_PUT_FLOW = (
    'INSERT INTO "connect_flow" ("state_hash", "app", "user", "session", "sealed", "redirect_uri", "success_uri", '
    '"scopes", "created_at", "expires_at") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
)
_FIND_FLOW = (
    'SELECT "app", "user", "session", "sealed", "redirect_uri", "success_uri", "scopes", "expires_at" '
    'FROM "connect_flow" WHERE "state_hash" = ?'
)
_DROP_FLOW = 'DELETE FROM "connect_flow" WHERE "state_hash" = ?'
_OLD_FLOWS = 'SELECT "state_hash" FROM "connect_flow" WHERE "expires_at" <= ? LIMIT ?'
_FLOWS_OF = 'SELECT "state_hash" FROM "connect_flow" WHERE "user" = ? AND "app" = ? ORDER BY "created_at" DESC'
_CACHE_OF = 'SELECT "name" FROM "tabToken Cache" WHERE "connected_app" = ? AND "user" = ? ORDER BY "creation" LIMIT 1'
_OWN_CACHE = (
    'SELECT "name" FROM "tabToken Cache" WHERE "connected_app" = ? AND "user" IS NULL ORDER BY "creation" LIMIT 1'
)
_CACHES_OF_APP = 'SELECT "name", "user" FROM "tabToken Cache" WHERE "connected_app" = ? ORDER BY "user"'
_GRANT_COLUMNS = (
    "grant_id",
    "generation",
    "state",
    "issued_at",
    "expires_in",
    "asked",
    "account",
    "subject",
    "connected_at",
    "refreshed_at",
    "error",
    "failed_at",
)
_NAMES = ", ".join(f'"{column}"' for column in _GRANT_COLUMNS)
_FIND_GRANT = f'SELECT {_NAMES} FROM "connect_grant" WHERE "token" = ?'  # noqa: S608 - names from above
_PUT_GRANT = f'INSERT INTO "connect_grant" ("token", {_NAMES}) VALUES (?{", ?" * len(_GRANT_COLUMNS)})'  # noqa: S608 - as above
_DROP_GRANT = 'DELETE FROM "connect_grant" WHERE "token" = ?'
_ADVANCE = (
    'UPDATE "connect_grant" SET "generation" = ?, "state" = ?, "issued_at" = ?, "expires_in" = ?, "refreshed_at" = ?, '
    '"error" = NULL, "failed_at" = NULL WHERE "token" = ? AND "grant_id" = ? AND "generation" < ?'
)
_NOTE_FAILURE = (
    'UPDATE "connect_grant" SET "error" = ?, "failed_at" = ? WHERE "token" = ? AND "grant_id" = ? AND "generation" <= ?'
)
_REVOKE = (
    'UPDATE "connect_grant" SET "state" = ?, "generation" = ?, "error" = ?, "failed_at" = ? '
    'WHERE "token" = ? AND "grant_id" = ? AND "generation" < ?'
)
_NOTE_ACCOUNT = (
    'UPDATE "connect_grant" SET "account" = ?, "subject" = ?, "error" = NULL, "failed_at" = NULL WHERE "token" = ?'
)
_FIND_ENTRY = (
    'SELECT "grant_id", "generation", "sealed", "failed_at", "failure" FROM "connect_refresh" WHERE "token" = ?'
)
_NEW_ENTRY = 'INTO "connect_refresh" ("token", "leased_until", "generation") VALUES (?, 0, 0)'
_ADD_ENTRY = {
    "sqlite": f"INSERT {_NEW_ENTRY} ON CONFLICT DO NOTHING",
    "postgresql": f"INSERT {_NEW_ENTRY} ON CONFLICT DO NOTHING",
    "mariadb": f"INSERT IGNORE {_NEW_ENTRY}",
}
# One statement decides between those who want the lease: it holds the row until its transaction ends.
_TAKE_LEASE = (
    'UPDATE "connect_refresh" SET "owner" = ?, "leased_until" = ? '
    'WHERE "token" = ? AND ("owner" IS NULL OR "leased_until" <= ?)'
)
_IS_LEASED = 'SELECT 1 FROM "connect_refresh" WHERE "token" = ? AND "owner" IS NOT NULL AND "leased_until" > ?'
_KEEP_PENDING = (
    'UPDATE "connect_refresh" SET "grant_id" = ?, "generation" = ?, "sealed" = ?, "failed_at" = NULL, "failure" = NULL '
    'WHERE "token" = ? AND "owner" = ?'
)
_NOTE_LEASE_FAILURE = 'UPDATE "connect_refresh" SET "failed_at" = ?, "failure" = ? WHERE "token" = ? AND "owner" = ?'
_GIVE_LEASE_BACK = 'UPDATE "connect_refresh" SET "owner" = NULL, "leased_until" = 0 WHERE "token" = ? AND "owner" = ?'
_SETTLE_PENDING = (
    'UPDATE "connect_refresh" SET "sealed" = NULL, "grant_id" = NULL '
    'WHERE "token" = ? AND "grant_id" = ? AND "generation" <= ?'
)
_PENDING_TOKENS = 'SELECT "token" FROM "connect_refresh" WHERE "sealed" IS NOT NULL'
_FORGET_ENTRY = 'UPDATE "connect_refresh" SET "sealed" = NULL, "grant_id" = NULL, "failed_at" = NULL WHERE "token" = ?'


def put_flow(tx: Transaction, state_hash: str, flow: Flow, *, sealed: str, now: datetime) -> None:
    """Write an authorisation that begins; its secrets are in ``sealed``."""
    scopes = " ".join(flow.scopes)
    places = (flow.redirect_uri, flow.success_uri, scopes, now.timestamp(), flow.expires_at.timestamp())
    tx.run(_PUT_FLOW, (state_hash, flow.app, flow.user, flow.session, sealed, *places))


def take_flow(tx: Transaction, state_hash: str) -> Row | None:
    """Remove an authorisation and return its row; of two who ask for it at once, one gets it."""
    rows = tx.execute(_FIND_FLOW, (state_hash,))
    return rows[0] if rows and tx.run(_DROP_FLOW, (state_hash,)) == 1 else None


def drop_old_flows(tx: Transaction, *, now: datetime, limit: int) -> int:
    """Delete up to ``limit`` authorisations that nobody has finished in time and return how many there were."""
    rows = tx.execute(_OLD_FLOWS, (now.timestamp(), limit))
    if rows:
        tx.run_many(_DROP_FLOW, rows)
    return len(rows)


def keep_newest_flows(tx: Transaction, user: str, app: str, *, most: int) -> None:
    """Delete the oldest authorisations of a user with an app beyond a number."""
    rows = tx.execute(_FLOWS_OF, (user, app))[most:]
    if rows:
        tx.run_many(_DROP_FLOW, rows)


def token_name(tx: Transaction, app: str, user: str | None) -> str | None:
    """Return the name of the Token Cache of a user, or (``None``) of the app itself."""
    rows = tx.execute(_OWN_CACHE, (app,)) if user is None else tx.execute(_CACHE_OF, (app, user))
    return rows[0][0] if rows else None


def tokens_of_app(tx: Transaction, app: str) -> list[tuple[str, str | None]]:
    """Return name and user of every Token Cache of an app."""
    return [(row[0], row[1]) for row in tx.execute(_CACHES_OF_APP, (app,))]


def find_grant(tx: Transaction, token: str) -> Mapping[str, Any] | None:
    """Return the state of a Token Cache by column."""
    rows = tx.execute(_FIND_GRANT, (token,))
    return dict(zip(_GRANT_COLUMNS, rows[0], strict=True)) if rows else None


def put_grant(tx: Transaction, grant: Grant) -> None:
    """Write the state of a Token Cache in the place of what is there."""
    drop_grant(tx, grant.name)
    values: dict[str, Any] = {
        "grant_id": grant.grant_id,
        "generation": grant.generation,
        "state": int(grant.state),
        "issued_at": grant.tokens.issued_at.timestamp(),
        "expires_in": grant.tokens.expires_in,
        "asked": " ".join(grant.asked),
        "account": grant.account,
        "subject": grant.subject,
        "connected_at": _seconds(grant.connected_at),
        "refreshed_at": _seconds(grant.refreshed_at),
        "error": grant.error,
        "failed_at": _seconds(grant.failed_at),
    }
    tx.run(_PUT_GRANT, (grant.name, *(values[column] for column in _GRANT_COLUMNS)))


def advance(tx: Transaction, grant: Grant, tokens: Tokens, *, generation: int) -> bool:
    """Move a grant on to newer tokens; return false, and change nothing, where it has them or is another one."""
    moved = tx.run(
        _ADVANCE,
        (
            generation,
            int(GrantState.USABLE),
            tokens.issued_at.timestamp(),
            tokens.expires_in,
            tokens.issued_at.timestamp(),
            grant.name,
            grant.grant_id,
            generation,
        ),
    )
    return moved == 1


def note_failure(tx: Transaction, grant: Grant, error: str, *, now: datetime) -> None:
    """Write why the last refresh failed, unless a newer one has gone well."""
    tx.run(_NOTE_FAILURE, (error, now.timestamp(), grant.name, grant.grant_id, grant.generation))


def revoke(tx: Transaction, grant: Grant, error: str, *, generation: int, now: datetime) -> bool:
    """Mark a grant as refused by its provider; return false, and change nothing, where that is known or out of date."""
    params = (int(GrantState.REVOKED), generation, error, now.timestamp(), grant.name, grant.grant_id, generation)
    return tx.run(_REVOKE, params) == 1


def note_account(tx: Transaction, token: str, *, account: str | None, subject: str | None) -> None:
    """Write who the provider says the user is; what failed before is forgotten."""
    tx.run(_NOTE_ACCOUNT, (account, subject, token))


def drop_grant(tx: Transaction, token: str) -> None:
    """Forget the state of a Token Cache."""
    tx.run(_DROP_GRANT, (token,))


def find_entry(tx: Transaction, token: str) -> LedgerEntry | None:
    """Return what the ledger knows of a token."""
    rows = tx.execute(_FIND_ENTRY, (token,))
    if not rows:
        return None
    grant_id, generation, sealed, failed_at, failure = rows[0]
    return LedgerEntry(
        grant_id=grant_id, generation=generation, sealed=sealed, failed_at=moment(failed_at), failure=failure or ""
    )


def take_lease(tx: Transaction, token: str, owner: str, *, now: datetime, lease_s: float) -> LedgerEntry | None:
    """Take the lease of a token and return its entry; ``None`` while somebody else holds it."""
    tx.run(_ADD_ENTRY[tx.dialect], (token,))
    taken = tx.run(_TAKE_LEASE, (owner, now.timestamp() + lease_s, token, now.timestamp()))
    return find_entry(tx, token) if taken == 1 else None


def is_leased(tx: Transaction, token: str, *, now: datetime) -> bool:
    """Return whether somebody holds the lease of a token."""
    return bool(tx.execute(_IS_LEASED, (token, now.timestamp())))


def keep_pending(tx: Transaction, token: str, owner: str, *, grant_id: str, generation: int, sealed: str) -> bool:
    """Write refreshed tokens; return false, and change nothing, where the lease is not the owner's any more."""
    return tx.run(_KEEP_PENDING, (grant_id, generation, sealed, token, owner)) == 1


def note_lease_failure(tx: Transaction, token: str, owner: str, message: str, *, now: datetime) -> None:
    """Write why a refresh failed, for those who wait for its lease."""
    tx.run(_NOTE_LEASE_FAILURE, (now.timestamp(), message, token, owner))


def give_lease_back(tx: Transaction, token: str, owner: str) -> None:
    """End a lease; one that went to somebody else stays theirs."""
    tx.run(_GIVE_LEASE_BACK, (token, owner))


def settle_pending(tx: Transaction, token: str, *, grant_id: str, generation: int) -> None:
    """Forget pending tokens up to a generation; newer ones stay."""
    tx.run(_SETTLE_PENDING, (token, grant_id, generation))


def pending_tokens(tx: Transaction) -> list[str]:
    """Return the tokens with something pending."""
    return [row[0] for row in tx.execute(_PENDING_TOKENS)]


def forget_entry(tx: Transaction, token: str) -> None:
    """Forget all of a token but its lease."""
    tx.run(_FORGET_ENTRY, (token,))


def moment(seconds: float | None) -> datetime | None:
    """Return the moment that a column stands for."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _seconds(value: datetime | None) -> float | None:
    return None if value is None else value.timestamp()
