"""Taking each message once, and answering each key once. All of it is part of the caller's transaction.

On SQLite the reservation, the work and the answer are one transaction: after a crash either all of it is there or
nothing. The servers do the same; a request that finds another transaction's reservation waits there for its end.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256

from demitasse.db.transaction import Transaction
from demitasse.incoming import store
from demitasse.incoming.idempotency import (
    CHANGED,
    IN_PROGRESS,
    RETENTION_S,
    RUN,
    Decision,
    Step,
    StoredAnswer,
    combine,
    decide,
    is_kept,
)
from demitasse.incoming.model import Scheme, Verdict
from demitasse.incoming.tables import MAX_KEY_LENGTH

_ID_RETENTION_S = 7 * 24 * 3600
"""Senders try the same message again for days: three and more by Standard Webhooks' own example."""
_CHUNK = 20


def take_once(tx: Transaction, scheme: Scheme, verdict: Verdict, *, source: str, now_s: int) -> bool:
    """Note a verified message and return whether it is here for the first time.

    A message with an id is remembered for a week, since its sender may sign it anew; one with only a time for as long
    as that time is accepted. A message with neither is always the first.

    Args:
        source: The endpoint and the scheme, at most 140 characters.
    """
    identifier = verdict.replay_id
    if identifier is None:
        return True
    if len(identifier) > MAX_KEY_LENGTH:
        identifier = f"sha256:{sha256(identifier.encode()).hexdigest()}"
    store.forget_expired_seen(tx, now_s=now_s, limit=_CHUNK)
    retention_s = _ID_RETENTION_S if verdict.message_id else 2 * scheme.tolerance_s + 1
    return store.note_seen(tx, source, identifier, now_s=now_s, expires_at_s=now_s + retention_s)


def begin(
    tx: Transaction, scope: str, keys: Sequence[str], *, request_hash: str, now_s: int, is_only_process: bool
) -> Decision:
    """Reserve the keys of a request, or return why it need not or must not run.

    Unless the decision is to run, no key is reserved that was free.
    """
    store.forget_old_keys(tx, before_s=now_s - RETENTION_S, limit=_CHUNK)
    reserved: list[str] = []
    decisions: list[Decision] = []
    for key in sorted(set(keys)):  # In one order, so that two requests cannot wait for each other.
        if store.reserve(tx, scope, key, request_hash=request_hash, now_s=now_s):
            reserved.append(key)
            continue
        found = store.find(tx, scope, key)
        decision = decide(found, request_hash=request_hash, now_s=now_s, is_only_process=is_only_process)
        decisions.append(decision)
        if decision.step is Step.RUN:
            store.take_over(tx, scope, key, request_hash=request_hash, now_s=now_s)
            reserved.append(key)
    decision = combine(decisions)
    if decision.step is not Step.RUN:
        release(tx, scope, reserved)
    return decision


def finish(
    tx: Transaction, scope: str, keys: Sequence[str], answer: StoredAnswer, *, request_hash: str, now_s: int
) -> None:
    """Store the answer of a request that ran under its keys; an error is not stored and leaves them free."""
    if not is_kept(answer.status):
        release(tx, scope, keys)
        return
    for key in sorted(set(keys)):
        if not store.put_answer(tx, scope, key, answer):  # The request rolled its own work back, and the reservation.
            store.reserve(tx, scope, key, request_hash=request_hash, now_s=now_s)
            store.put_answer(tx, scope, key, answer)


def release(tx: Transaction, scope: str, keys: Sequence[str]) -> None:
    """Make the keys of a request free again."""
    for key in sorted(set(keys)):
        store.forget_key(tx, scope, key)


class InFlight:
    """The keys that this process works on now, so that a second request need not wait to be told so."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._requests: dict[tuple[str, str, str], str] = {}

    @contextmanager
    def working(self, site: str, scope: str, keys: Sequence[str], *, request_hash: str) -> Iterator[Decision]:
        """Hold the keys while the block lasts if nobody does: then the decision is to run, else it says why not."""
        places = [(site, scope, key) for key in set(keys)]
        with self._guard:
            held = [self._requests[place] for place in places if place in self._requests]
            if not held:
                self._requests.update(dict.fromkeys(places, request_hash))
        if held:
            yield CHANGED if any(other != request_hash for other in held) else IN_PROGRESS
            return
        try:
            yield RUN
        finally:
            with self._guard:
                for place in places:
                    del self._requests[place]
