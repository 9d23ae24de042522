"""What jobs need of the rest of the site."""

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar

from demitasse.db.transaction import Transaction
from demitasse.jobs.model import ClaimedJob

T = TypeVar("T")


class Runner(Protocol):
    """Runs the code of jobs."""

    def run(self, job: ClaimedJob, tx: Transaction) -> None:
        """Call the job's function in the name of its user; what it writes is a part of ``tx``."""

    def clean_up(self) -> None:
        """Write what calls left behind; in the same thread, after each job."""


class Database(Protocol):
    """Gives transactions to threads."""

    def write(self) -> Transaction:
        """Return a writing transaction for this thread."""


class Lanes(Protocol):
    """Runs database work of the event loop."""

    async def read(self, work: Callable[[Transaction], T], *, is_long: bool = False) -> T:
        """Run a read."""

    def write(self, work: Callable[[Transaction], T]) -> "asyncio.Future[T]":
        """Run a write; the future is done when it is durable."""
