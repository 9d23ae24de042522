"""One piece of work in a transaction of its own."""

from collections.abc import Callable
from typing import TypeVar

from demitasse.db.transaction import Transaction
from demitasse.sync.ports import Database

T = TypeVar("T")


def reading(database: Database, work: Callable[[Transaction], T]) -> T:
    """Run a read in one snapshot."""
    tx = database.read()
    try:
        return work(tx)
    finally:
        tx.rollback()


def writing(database: Database, work: Callable[[Transaction], T]) -> T:
    """Run a write and commit it; what it raises undoes it."""
    tx = database.write()
    try:
        result = work(tx)
        tx.commit()
    except BaseException:
        tx.rollback()
        raise
    return result
