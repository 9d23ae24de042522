"""The statements about users, their roles and their credentials."""

from demitasse.db.transaction import Transaction


def roles_of(tx: Transaction, user: str) -> frozenset[str]:
    """Return the roles that were given to a user and are not disabled."""
    rows = tx.execute(
        'SELECT h."role" FROM "tabHas Role" h JOIN "tabRole" r ON r."name" = h."role" '
        'WHERE h."parent" = ? AND h."parenttype" = ? AND r."disabled" = 0',
        (user, "User"),
    )
    return frozenset(row[0] for row in rows)


def put_password(tx: Transaction, *, user: str, password_hash: str) -> None:
    """Replace a user's password hash."""
    tx.run('DELETE FROM "user_password" WHERE "user" = ?', (user,))
    tx.run('INSERT INTO "user_password" ("user", "hash") VALUES (?, ?)', (user, password_hash))


def password_hash(tx: Transaction, user: str) -> str | None:
    """Return a user's password hash, if the user is enabled and has one."""
    rows = tx.execute(
        'SELECT p."hash" FROM "user_password" p JOIN "tabUser" u ON u."name" = p."user" '
        'WHERE p."user" = ? AND u."enabled" = 1',
        (user,),
    )
    return rows[0][0] if rows else None


def remove_credentials(tx: Transaction, user: str) -> None:
    """Remove a user's API keys, password and sessions."""
    for table in ("api_key", "user_password", "session"):
        tx.run(f'DELETE FROM "{table}" WHERE "user" = ?', (user,))  # noqa: S608 - three constants
