"""Sync as the rest of a site sees it; ``app`` fills it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from demitasse.db.transaction import Transaction
from demitasse.documents.context import DocumentContext
from demitasse.outbox.model import QueuedDelivery
from demitasse.sync.identity import ensure_identity, identity
from demitasse.sync.model import Counts
from demitasse.sync.ports import Database, Home, Lock
from demitasse.sync.running import Runner
from demitasse.sync.transacting import writing


def _say_nothing(_: Counts) -> None:
    """Hear how far a run is, and do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncServices:
    """What runs and receives for one site.

    Args:
        lock: Held while a rule runs.
        announce: Told of deliveries that a transaction queues.
    """

    context: DocumentContext
    database: Database
    lock: Lock
    announce: Callable[[Transaction, Sequence[QueuedDelivery]], None]

    def site_id(self) -> str:
        """Return the id by which other sites know the edits that were made here; the first call makes it."""
        return writing(self.database, ensure_identity)

    def known_id(self, tx: Transaction) -> str:
        """Return the id as a transaction reads it; a served site has one."""
        return identity(tx)

    def home(self, *, rests: float = 0.0, tell: Callable[[Counts], None] = _say_nothing, site_id: str = "") -> Home:
        """Return the site as a run needs it; see `Home`.

        Args:
            site_id: This site's, where the caller knows it.
        """
        return Home(
            context=self.context,
            database=self.database,
            site_id=site_id or self.site_id(),
            rests=rests,
            tell=tell,
            announce=self.announce,
        )

    def runner(self, *, rests: float = 0.0, tell: Callable[[Counts], None] = _say_nothing) -> Runner:
        """Return what runs the rules of the site."""
        return Runner(self.home(rests=rests, tell=tell), self.lock)
