"""What sync needs from others."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from demitasse.db.transaction import Transaction
from demitasse.documents.context import DocumentContext
from demitasse.outbox.model import QueuedDelivery
from demitasse.sync.model import Counts, Position, RemoteDocument, Tombstone


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a source says of itself before it is read.

    Args:
        site_id: By which the edits made there are known.
        now: Its own time, naive.
        newest: The position of what was changed last.
        deletions_since: From when on it still knows what was deleted; empty for ever.
        knows_deletions: It keeps tombstones, and we may read them.
    """

    site_id: str
    now: str
    newest: Position | None
    deletions_since: str = ""
    knows_deletions: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Documents behind a position, in order.

    Args:
        last: How far the source has looked, which may be further than the last document that we may see.
    """

    documents: Sequence[RemoteDocument]
    last: Position
    has_more: bool


class Source(Protocol):
    """A site that documents of one DocType are pulled from."""

    def look(self) -> Outlook:
        """Ask what it says of itself."""

    def page(self, after: Position, *, limit: int) -> Page:
        """Return whole documents behind a position."""

    def keys(self, after: Position, *, until: str, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of documents behind one and not after a moment, and whether there are more."""

    def names(self, after: str, *, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of all documents by their names, from behind one on, and whether there are more."""

    def documents(self, names: Sequence[str], *, doctype: str | None = None) -> Sequence[RemoteDocument]:
        """Return whole documents of these names, as far as they are there.

        Args:
            doctype: Another one, for documents that are linked to; the rule's filters then do not count.
        """

    def there(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that documents of the rule's DocType have there, whatever its filters."""

    def tombstones(self, after: Position, *, limit: int) -> tuple[Sequence[Tombstone], Position, bool]:
        """Return what was deleted or renamed behind a position, how far that looks, and whether there is more."""


Lock = Callable[[str], AbstractContextManager[bool]]
"""Holds a key while the block lasts; gives False where another process or thread holds it."""


class Database(Protocol):
    """Where this site's transactions come from; both block their thread."""

    def read(self) -> Transaction:
        """Return a reading transaction."""

    def write(self) -> Transaction:
        """Return a writing transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """This site, as a run needs it.

    Args:
        rests: How long a run leaves the database to others after each transaction, as a part of what that took: where
            another process serves the site, it waits for ours without being told when it may go on.
        tell: Hears of what a run has done so far, now and then.
        announce: Told of deliveries that a transaction queues.
    """

    context: DocumentContext
    database: Database
    site_id: str
    rests: float = 0.0
    tell: Callable[[Counts], None] = lambda _: None
    announce: Callable[[Transaction, Sequence[QueuedDelivery]], None] = lambda _tx, _queued: None
