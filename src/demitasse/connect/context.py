"""What connections work with, and the transaction of who calls."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import structlog

from demitasse.connect.discovery import Discovery
from demitasse.connect.ledger import Ledger
from demitasse.connect.model import AppSettings
from demitasse.connect.ports import Database, Http, Notices, Resolver
from demitasse.connect.protocol import Provider
from demitasse.connect.speaking import Styles
from demitasse.db.errors import DatabaseError
from demitasse.db.transaction import Transaction
from demitasse.documents.context import DocumentContext

T = TypeVar("T")
Work = Callable[[Transaction], None]
_log = structlog.get_logger("demitasse.connect")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectContext:
    """The connections of one site.

    Args:
        references: Resolves client ids and secrets that are named instead of stored.
    """

    documents: DocumentContext
    database: Database
    ledger: Ledger
    references: Resolver
    http: Http
    discovery: Discovery
    notices: Notices
    styles: Styles = field(default_factory=Styles)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.documents.clock()

    def provider(self, app: AppSettings, *, needed: str = "token_uri") -> Provider:
        """Return the provider of an app, for what the address of this name is for.

        Raises:
            ConnectError: its discovery document is needed and cannot be read.
        """
        endpoints = self.discovery.endpoints_of(app, needed=needed)
        return Provider(app, endpoints, http=self.http, styles=self.styles, clock=self.documents.clock)


class Caller:
    """The call on whose behalf something is done.

    Waiting for a provider takes long, and what is open in the caller's transaction meanwhile stands in everybody's way.
    So it steps aside where it has changed nothing yet; then what must last is written in a transaction of its own at
    once. Where it has changed something it stays open, and what must last is written after the call.

    Args:
        tx: The caller's transaction.
        later: Takes what is to be written once the call has ended, whether well or not.
    """

    def __init__(self, context: ConnectContext, tx: Transaction, *, later: Callable[[Work], None]) -> None:
        self._context = context
        self._later = later
        self.tx = tx

    def step_aside(self) -> bool:
        """Let go of the caller's transaction before a wait; return whether nothing of it is open now."""
        return self.tx.step_aside()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that sees what is committed now; the caller's own where that is open."""
        if not self.tx.step_aside():
            yield self.tx
            return
        own = self._context.database.read()
        try:
            yield own
        finally:
            own.rollback()

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Give a transaction of its own, durable at the end of the block; the caller's where that has changed something."""
        if not self.tx.step_aside():
            yield self.tx
            return
        own = self._context.database.write()
        try:
            yield own
            own.commit()
        except BaseException:
            own.rollback()
            raise

    def durably(self, work: Work) -> None:
        """Do ``work`` in a transaction of its own: now where that can be, else once the call has ended."""
        if not self.tx.step_aside():
            self._later(work)
            return
        try:
            with self.writing() as own:
                work(own)
        except DatabaseError as error:  # Another process writes for long, or the disk is full: once more, later.
            _log.warning("connect.write_postponed", error=str(error))
            self._later(work)
        except Exception:  # noqa: BLE001 - an app's hook that fails must not take from the caller what is there
            _log.exception("connect.write_failed")
