"""From messages to documents here: applied as pulled ones are; how far the rule has come is written after that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from demitasse.db.codec import moment_to_text
from demitasse.db.transaction import Transaction
from demitasse.sync import store as sync_store
from demitasse.sync.applying import Applying
from demitasse.sync.arrivals import Applier
from demitasse.sync.broker import store
from demitasse.sync.broker.chain import FRESH, Chain
from demitasse.sync.broker.messages import BrokenMessage, StreamMessage, decode
from demitasse.sync.model import Counts, Mark, Rule, Tombstone, Version
from demitasse.sync.ports import Home, Source
from demitasse.sync.transacting import reading, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of messages.

    Args:
        broken: Places, in what was given, of those that can never be taken, with the reason.
        has_gap: Messages before these are missing.
    """

    counts: Counts
    broken: dict[int, str]
    has_gap: bool


class Receiver:
    """Takes the messages of one rule's stream; for one thread.

    Args:
        source: Where documents are fetched that arriving ones link to; ``None``: they wait until they come.
        site_id: Of the site that publishes; messages of another are refused.
    """

    def __init__(self, home: Home, rule: Rule, applier: Applier, source: Source | None, *, site_id: str) -> None:
        self._home = home
        self._rule = rule
        self._applier = applier
        self._source = source
        self._site_id = site_id
        found = reading(home.database, lambda tx: store.seen(tx, rule.name))
        self.needs_fetch = found is None
        self._chain = Chain(FRESH if found is None else found)

    @property
    def has_gap(self) -> bool:
        """Whether messages are missing."""
        return self._chain.has_gap

    def take(self, bodies: Sequence[bytes]) -> Taken:
        """Apply messages in their order; when it returns they are durable, and may be acknowledged.

        Raises:
            DatabaseError: nothing, or a part that may be applied again, is written.
        """
        broken: dict[int, str] = {}
        messages: list[StreamMessage] = []
        for place, body in enumerate(bodies):
            try:
                message = self._checked(body)
            except BrokenMessage as error:
                broken[place] = error.message
                continue
            messages.append(message)
        counts = self._apply(messages)
        for message in messages:
            self._chain.take(message.previous, message.id)
        self._save()
        return Taken(counts=counts, broken=broken, has_gap=self._chain.has_gap)

    def take_again(self, body: bytes) -> Counts:
        """Apply a dead letter: it is not the next of its stream, and older than what has come since.

        Raises:
            BrokenMessage: it still cannot be taken.
        """
        return self._apply([self._checked(body)])

    def resume(self) -> None:
        """Go on behind what has come: everything was fetched."""
        self._chain.resume()
        self.needs_fetch = False
        self._save()

    def _checked(self, body: bytes) -> StreamMessage:
        message = decode(body)
        if message.site != self._site_id:
            text = f"The message is of the site {message.site}, and {self._rule.site} is {self._site_id}"
            raise BrokenMessage(text)
        if message.doctype != self._rule.doctype:
            text = f"The message is of {message.doctype}, and the rule {self._rule.name} takes {self._rule.doctype}"
            raise BrokenMessage(text)
        return message

    def _apply(self, messages: Sequence[StreamMessage]) -> Counts:
        applying = Applying(self._home, self._applier, self._source)
        for is_gone, run in groupby(messages, key=lambda message: message.tombstone is not None):
            if is_gone:
                self._bury(applying, [each.tombstone for each in run if each.tombstone is not None])
            else:
                applying.documents([document for each in run for document in each.documents])
        return applying.counts

    def _bury(self, applying: Applying, tombstones: Sequence[Tombstone]) -> None:
        last: dict[str, Tombstone] = {tombstone.name: tombstone for tombstone in tombstones}
        applying.deletions(tombstones, note=lambda tx: self._note_gone(tx, last))

    def _note_gone(self, tx: Transaction, tombstones: Mapping[str, Tombstone]) -> None:
        """Remember that documents are gone, so that a message which was overtaken does not bring one back."""
        rule = self._rule
        marks = sync_store.marks_of(tx, rule.site, rule.doctype, list(tombstones))
        changed: list[Mark] = []
        for name, tombstone in tombstones.items():
            mark = marks.get(name) or Mark(
                site=rule.site,
                doctype=rule.doctype,
                remote_name=name,
                local_doctype=rule.local_doctype,
                local_name=name,
                remote_modified="",
                local_modified="",
                version=Version(self._site_id, ""),
                is_deleted=True,
            )
            if mark.is_deleted:
                stamp = max(mark.remote_modified, moment_to_text(tombstone.deleted_at))
                sequence = max(mark.sequence, tombstone.sequence)
                changed.append(replace(mark, sequence=sequence, remote_modified=stamp))
        sync_store.put_marks(tx, changed)

    def _save(self) -> None:
        if not self.needs_fetch:
            last = self._chain.last
            if reading(self._home.database, lambda tx: store.seen(tx, self._rule.name)) != last:
                writing(self._home.database, lambda tx: store.put_seen(tx, self._rule.name, last))
