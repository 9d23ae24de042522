"""The id by which other sites know the edits that were made here."""

from demitasse.db.transaction import Transaction
from demitasse.kernel.ids import random_name
from demitasse.sync import store

_LENGTH = 20


def identity(tx: Transaction) -> str:
    """Return this site's id; it is made when tables are made, so that reading never has to write."""
    return store.find_identity(tx) or ""


def ensure_identity(tx: Transaction) -> str:
    """Return this site's id, and give it one before that if it has none."""
    return store.find_identity(tx) or renew_identity(tx)


def renew_identity(tx: Transaction) -> str:
    """Give this site a new id: for a copy of another site, which would take that one's edits for its own."""
    site_id = random_name(_LENGTH)
    store.put_identity(tx, site_id)
    return site_id
