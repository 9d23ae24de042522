"""Where people can be reached."""

from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.context import DocumentContext

_NOBODYS = "@example.com"
"""Addresses that nobody can have (RFC 2606, section 3): a new site's Administrator is given one."""


def email_of(context: DocumentContext, tx: Transaction, user: str) -> str | None:
    """Return the e-mail address of a user, ``None`` where there is none that anybody reads."""
    record = store.find(context, tx, context.registry.get("User"), user)
    email = record["email"] if record is not None else None
    return email if email and not email.endswith(_NOBODYS) else None
