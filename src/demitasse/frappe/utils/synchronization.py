"""``frappe.utils.synchronization``: one at a time, across threads, processes and machines."""

from collections.abc import Iterator
from contextlib import contextmanager

from demitasse.frappe.context import current


@contextmanager
def filelock(lock_name: str, *, timeout: int = 30, is_global: bool = False) -> Iterator[None]:
    """Hold a lock by name from here to the end of the transaction; the name need not exist anywhere."""
    current().tx.lock(lock_name)
    yield
