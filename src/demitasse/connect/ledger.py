"""One refresh at a time per token, across threads, processes and machines, and no refreshed token lost.

Each row of the ledger is a token: who refreshes it now (a lease), and what a refresh came to and does not yet stand in its
Token Cache. It is written in short transactions of its own that nothing else waits in, so it can be written while the
caller's transaction is open. Who holds a lease waits for the provider, and for nobody's transaction: so nobody waits for a
lease in vain. Source: docs/decisions/0008-refreshed-tokens-go-through-a-ledger.md
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from demitasse.connect import store
from demitasse.connect.errors import ProviderUnavailable
from demitasse.connect.model import LedgerEntry, Tokens, split_scopes
from demitasse.connect.ports import Database
from demitasse.db.transaction import Transaction
from demitasse.kernel import json
from demitasse.kernel.clock import Clock, monotonic_s
from demitasse.kernel.ids import random_name
from demitasse.vault.cipher import Vault

T = TypeVar("T")
LEASE_S = 45.0
"""Longer than any refresh takes, so that it ends by itself only where its process has died."""
_POLL_S = 0.02
_OWNER_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """What a refresh came to, and does not stand in its Token Cache yet.

    Args:
        tokens: The new ones; ``None``: the provider refuses the grant, and ``refusal`` is why.
    """

    grant_id: str
    generation: int
    tokens: Tokens | None = field(default=None, repr=False)
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why the last refresh failed."""

    message: str
    at: datetime


class Lease:
    """The right to refresh one token; it is good inside of ``Ledger.lease``."""

    def __init__(self, ledger: "Ledger", token: str, owner: str, entry: LedgerEntry) -> None:
        self._ledger = ledger
        self._token = token
        self._owner = owner
        self.pending = ledger.opened(token, entry)
        self.failure = None if entry.failed_at is None else Failure(message=entry.failure, at=entry.failed_at)

    def keep(self, pending: Pending) -> bool:
        """Make what a refresh came to durable; return false, and keep nothing, where the lease went to somebody else."""
        sealed = self._ledger.sealed(self._token, pending)
        self.pending = pending
        return self._ledger.writing(
            lambda tx: store.keep_pending(
                tx,
                self._token,
                self._owner,
                grant_id=pending.grant_id,
                generation=pending.generation,
                sealed=sealed,
            )
        )

    def note_failure(self, message: str, *, now: datetime) -> None:
        """Tell those who wait that the provider could not be asked."""
        self._ledger.writing(lambda tx: store.note_lease_failure(tx, self._token, self._owner, message, now=now))


class Ledger:
    """The ledger of a site.

    Args:
        database: Opens the ledger's database; called when it is first needed.
    """

    def __init__(self, database: Callable[[], Database], *, vault: Vault, clock: Clock) -> None:
        self._open = database
        self._database: Database | None = None
        self._vault = vault
        self._clock = clock
        self._guard = threading.Lock()
        self._in_use: dict[str, _Place] = {}

    @contextmanager
    def lease(self, token: str, *, wait_s: float) -> Iterator[Lease]:
        """Hold the right to refresh a token while the block lasts; threads of this process wait in line for it.

        Raises:
            ProviderUnavailable: somebody else holds it for longer than ``wait_s``.
        """
        until_s = monotonic_s() + wait_s
        with self._in_line(token, until_s=until_s):
            owner = random_name(_OWNER_LENGTH)
            entry = self._take(token, owner, until_s=until_s)
            try:
                yield Lease(self, token, owner, entry)
            finally:
                self.writing(lambda tx: store.give_lease_back(tx, token, owner))

    def pending(self, token: str) -> Pending | None:
        """Return what was refreshed and may not be in the Token Cache yet."""
        entry = self.reading(lambda tx: store.find_entry(tx, token))
        return None if entry is None else self.opened(token, entry)

    def waiting(self) -> list[str]:
        """Return the tokens with something pending."""
        return self.reading(store.pending_tokens)

    def settled(self, token: str, *, grant_id: str, generation: int) -> None:
        """Forget what was pending: it is in its Token Cache, or of no use."""
        self.writing(lambda tx: store.settle_pending(tx, token, grant_id=grant_id, generation=generation))

    def forget(self, token: str) -> None:
        """Forget a token that is no more."""
        self.writing(lambda tx: store.forget_entry(tx, token))

    def reading(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a short reading transaction of the ledger."""
        tx = self._db().read()
        try:
            return work(tx)
        finally:
            tx.rollback()

    def writing(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a short transaction of the ledger; what it wrote is durable."""
        tx = self._db().write()
        try:
            result = work(tx)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        return result

    def sealed(self, token: str, pending: Pending) -> str:
        """Return what is pending encrypted, for this token alone."""
        content: dict[str, Any] = {"refusal": pending.refusal}
        tokens = pending.tokens
        if tokens is not None:
            content = {
                "access_token": tokens.access_token,
                "refresh_token": tokens.refresh_token,
                "token_type": tokens.token_type,
                "expires_in": tokens.expires_in,
                "scopes": None if tokens.scopes is None else list(tokens.scopes),
                "issued_at": tokens.issued_at.isoformat(),
            }
        return self._vault.encrypt(json.encode(content).decode(), place=_place(token))

    def opened(self, token: str, entry: LedgerEntry) -> Pending | None:
        """Return what an entry holds in clear."""
        if entry.sealed is None or entry.grant_id is None:
            return None
        content = json.decode(self._vault.decrypt(entry.sealed, place=_place(token)))
        if "refusal" in content:
            return Pending(grant_id=entry.grant_id, generation=entry.generation, refusal=content["refusal"])
        tokens = Tokens(
            access_token=content["access_token"],
            refresh_token=content["refresh_token"],
            token_type=content["token_type"],
            expires_in=content["expires_in"],
            scopes=split_scopes(content["scopes"]),
            issued_at=datetime.fromisoformat(content["issued_at"]),
        )
        return Pending(grant_id=entry.grant_id, generation=entry.generation, tokens=tokens)

    def _take(self, token: str, owner: str, *, until_s: float) -> LedgerEntry:
        """Wait until no other process holds the lease, and take it."""
        while True:
            entry = self.writing(
                lambda tx: store.take_lease(tx, token, owner, now=self._clock(), lease_s=LEASE_S),
            )
            if entry is not None:
                return entry
            while self.reading(lambda tx: store.is_leased(tx, token, now=self._clock())):
                if monotonic_s() >= until_s:
                    raise _busy()
                time.sleep(_POLL_S)

    @contextmanager
    def _in_line(self, token: str, *, until_s: float) -> Iterator[None]:
        """Let one thread of this process at a time ask for a token's lease; the others need not poll."""
        with self._guard:
            place = self._in_use.setdefault(token, _Place())
            place.count += 1
        try:
            if not place.lock.acquire(timeout=max(0.0, until_s - monotonic_s())):
                raise _busy()
            try:
                yield
            finally:
                place.lock.release()
        finally:
            with self._guard:
                place.count -= 1
                if not place.count:
                    self._in_use.pop(token, None)

    def _db(self) -> Database:
        if self._database is None:
            with self._guard:
                if self._database is None:
                    self._database = self._open()
        return self._database


class _Place:
    __slots__ = ("count", "lock")

    def __init__(self) -> None:
        self.count = 0
        self.lock = threading.Lock()


def _busy() -> ProviderUnavailable:
    message = "Another refresh of this token has been under way for too long; the grant is kept, try again"
    return ProviderUnavailable(message)


def _place(token: str) -> str:
    return f"connect_refresh.sealed:{token}"
