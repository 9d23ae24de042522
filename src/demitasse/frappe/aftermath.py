"""What calls leave to be written after their end, in a transaction of its own: logs that outlive a rollback."""

from collections import deque
from collections.abc import Callable, Iterable

import structlog

from demitasse.db.transaction import Transaction

_log = structlog.get_logger("demitasse.aftermath")
Work = Callable[[Transaction], None]
LIMIT = 1000
"""Pieces of work that wait at most; while the database cannot be written to, the newest are dropped and told of."""


class Aftermath:
    """The work that waits, of all calls of a site. Any thread may add to it."""

    def __init__(self) -> None:
        self._waiting: deque[Work] = deque()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    def add(self, works: Iterable[Work]) -> None:
        """Let work wait, up to the limit."""
        for work in works:
            if len(self._waiting) >= LIMIT:
                _log.warning("aftermath.dropped", waiting=len(self._waiting))
                return
            self._waiting.append(work)

    def run(self, tx: Transaction) -> None:
        """Do all that waits as part of ``tx``, which the caller commits; what fails is logged and undoes only itself."""
        while True:
            try:
                work = self._waiting.popleft()
            except IndexError:
                return
            try:
                with tx.savepoint():
                    work(tx)
            except Exception:  # noqa: BLE001 - a log that cannot be written must not fail what it is about
                _log.exception("aftermath.failed")
