"""Users: their full name, and what must be forgotten when one changes."""

from collections.abc import Mapping

from demitasse.auth.model import ADMINISTRATOR, GUEST, Actor
from demitasse.auth.operations import check_new_password, set_password
from demitasse.auth.sessions.store import remove_sessions_if_disabled
from demitasse.auth.store import remove_credentials
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import DocumentError
from demitasse.documents.model import Record
from demitasse.documents.ports import DIRECT_WRITE, Handler

INLINE_SAFE = False
"""A new password is hashed when a user is saved, which takes tens of milliseconds."""


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a User do."""

    def forget(record: Record, tx: Transaction, actor: Actor) -> None:
        remove_sessions_if_disabled(tx, record.name)
        tx.after_commit(services.forget_credentials)

    def prepare(record: Record, tx: Transaction, actor: Actor) -> None:
        set_full_name(record, tx, actor)
        take_password(record, tx)
        if record.is_new:
            record["owner"] = record.name  # users own themselves, and so may read what All may read of its own

    def end_credentials(record: Record, tx: Transaction, actor: Actor) -> None:
        remove_credentials(tx, record.name)  # whoever gets this address later must not be let in by them
        forget(record, tx, actor)

    return {
        "before_insert": set_full_name,
        "before_validate": prepare,
        "on_update": forget,
        "on_change": forget,
        "on_trash": refuse_standard,
        "after_delete": end_credentials,
        DIRECT_WRITE: forget,
    }


def set_full_name(record: Record, tx: Transaction, actor: Actor) -> None:
    """Put first and last name together, and give each role once."""
    record["full_name"] = " ".join(part for part in (record["first_name"], record["last_name"]) if part)
    if record.name not in {ADMINISTRATOR, GUEST}:
        record["email"] = (record["email"] or "").strip().lower() or None
    seen: dict[str, Record] = {}
    for row in record.rows("roles"):
        seen.setdefault(row["role"], row)
    record["roles"] = list(seen.values())


def take_password(record: Record, tx: Transaction) -> None:
    """Keep a new password's hash with the credentials, and nothing of it in the document."""
    password = record["new_password"]
    record["new_password"] = None
    if password and password.strip("*"):
        check_new_password(password)
        set_password(tx, record.name, password)


def refuse_standard(record: Record, tx: Transaction, actor: Actor) -> None:
    """Keep the two users that every site has."""
    if record.name in {ADMINISTRATOR, GUEST}:
        message = f"User {record.name} cannot be deleted"
        raise DocumentError(message, doctype="User", name=record.name)
