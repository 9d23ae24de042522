"""Finding what a peer has not got by pushes, and pushing it again: this site compares its keys with the peer's marks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR
from demitasse.client.model import ApiRequest
from demitasse.client.site import FrappeClient
from demitasse.db.transaction import Transaction
from demitasse.delivery.signing import Signer, signing_key
from demitasse.kernel import json
from demitasse.kernel.ids import webhook_id
from demitasse.outbox.model import QueuedDelivery
from demitasse.sync import pushing, serving, store
from demitasse.sync.envelope import PROTOCOL
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Counts, Version
from demitasse.sync.ports import Home
from demitasse.sync.pushing import PushRule
from demitasse.sync.reconcile import NameSet
from demitasse.sync.rules import RemoteSite
from demitasse.sync.transacting import reading, writing

_PATH = "/api/method/frappe.integrations.sync.inventory"
_MARKS_IN_A_CALL = 5_000
_NAMES_AT_A_TIME = 1_000
_IN_A_TRANSACTION = 50


class Repush:
    """One comparison of what a Push rule covers with what its peer has."""

    def __init__(self, home: Home, rule: PushRule, remote: RemoteSite, client: FrappeClient) -> None:
        self._home = home
        self._rule = rule
        self._remote = remote
        self._client = client
        self._doctype = home.context.registry.get(rule.doctype)
        self.counts = Counts()

    def run(self) -> Counts:
        """Compare, and queue what differs; the deliveries go out as all others."""
        there = NameSet()
        for marks in self._inventory():
            there.add(marks)
            self._push(self._differing(marks))
        there.close()
        for names in self._names():
            self.counts.read += len(names)
            self._push([name for name in names if name not in there])
        return self.counts

    def _inventory(self) -> Iterator[dict[str, Version]]:
        after = ""
        while True:
            said = self._ask(after)
            marks = {name: Version(site, stamp) for name, site, stamp in said["marks"]}
            if marks:
                yield marks
            if not said.get("more") or not marks:
                return
            after = max(marks)

    def _ask(self, after: str) -> Mapping[str, Any]:
        told = {
            "protocol": PROTOCOL,
            "site": self._home.site_id,
            "doctype": self._rule.remote_doctype,
            "after": after,
            "limit": _MARKS_IN_A_CALL,
        }
        body = json.encode(told)
        signer = Signer(current=signing_key(self._remote.push_secret))
        headers = signer.headers(body, message_id=webhook_id(), now=self._home.context.clock())
        said = self._client.send(
            ApiRequest(
                method="POST",
                path=_PATH,
                headers=(("Accept", "application/json"), ("Content-Type", "application/json"), *headers),
                body=body,
                is_safe=True,
            )
        )
        if not isinstance(said, Mapping):
            message = f"{self._remote.name} gave no answer that can be used to what it has"
            raise SyncError(message)
        return said

    def _differing(self, there: Mapping[str, Version]) -> list[str]:
        """Return the names of those that the peer has otherwise than we do; what is gone here is pushed as gone."""

        def look(tx: Transaction) -> tuple[list[str], list[str]]:
            here = store.local_rows(tx, self._doctype, list(there))
            versions = serving.versions_of(
                tx, self._doctype, {name: row[0] for name, row in here.items()}, own_site=self._home.site_id
            )
            other = [name for name, version in versions.items() if version != there[name]]
            return other, [name for name in there if name not in here]

        other, gone = reading(self._home.database, look)
        self._bury(gone)
        return other

    def _names(self) -> Iterator[Sequence[str]]:
        after = ""
        asked = serving.Asked(
            doctype=self._doctype, actor=ADMINISTRATOR_ACTOR, filters=self._rule.filters, limit=_NAMES_AT_A_TIME
        )
        while True:
            place = after
            said = reading(
                self._home.database,
                lambda tx: serving.names(self._home.context, tx, asked, place),  # noqa: B023 - run at once
            )
            names = [name for _, name in said["keys"]]
            if names:
                yield names
            if not said["more"] or not names:
                return
            after = names[-1]

    def _push(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _IN_A_TRANSACTION):
            chunk = names[start : start + _IN_A_TRANSACTION]

            def work(tx: Transaction, chunk: Sequence[str] = chunk) -> list[QueuedDelivery]:
                context = self._home.context
                return [
                    queued
                    for name in chunk
                    for queued in pushing.push(context, tx, [self._rule], name, user=ADMINISTRATOR)
                ]

            self.counts.updated += len(self._queue(work))

    def _bury(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _IN_A_TRANSACTION):
            chunk = names[start : start + _IN_A_TRANSACTION]

            def work(tx: Transaction, chunk: Sequence[str] = chunk) -> list[QueuedDelivery]:
                context = self._home.context
                return [
                    queued
                    for name in chunk
                    for queued in pushing.push_deletion(context, tx, [self._rule], name, user=ADMINISTRATOR)
                ]

            self.counts.deleted += len(self._queue(work))

    def _queue(self, work: Any) -> list[QueuedDelivery]:
        def and_announce(tx: Transaction) -> list[QueuedDelivery]:
            queued: list[QueuedDelivery] = work(tx)
            self._home.announce(tx, queued)
            return queued

        found = writing(self._home.database, and_announce)
        self._home.tell(self.counts)
        return found
