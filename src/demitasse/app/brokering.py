"""Sync over a broker on a serving site: keeps publishing and reading in step with the Sync Rules that there are."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from demitasse.app.broker_links import publisher_to
from demitasse.app.broker_reading import RuleReader, note_error
from demitasse.app.site import Site
from demitasse.app.syncing import site_id
from demitasse.app.webhooks import reading
from demitasse.db.lanes import Lanes
from demitasse.db.transaction import Transaction
from demitasse.kernel.errors import DemitasseError
from demitasse.sync.broker import publishing, store
from demitasse.sync.model import Pattern, Rule
from demitasse.sync.rules import load_rule, rule_names
from demitasse.transports.broker import StreamPublisher

T = TypeVar("T")
_log = structlog.get_logger("demitasse.sync")
_POLL_S = 5.0
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_THREADS = 8


class Brokering:
    """Publishes what changes and reads what others publish; every method belongs to the loop's thread."""

    def __init__(self, site: Site, lanes: Lanes, *, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._lanes = lanes
        self._loop = loop
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="demitasse-broker")
        self._rules_changed = asyncio.Event()
        self._noted = asyncio.Event()
        self._publish_rules: list[Rule] = []
        self._publisher: StreamPublisher | None = None
        self._readers: dict[str, tuple[Rule, asyncio.Task[None]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Follow the rules from now on."""
        notes = self._site.change_notes
        notes.on_noted = lambda: self._wake(self._noted)
        notes.on_rules_changed = lambda: self._wake(self._rules_changed)
        self._site.database.on_foreign_write.append(self._foreign_write)
        self._tasks = [self._loop.create_task(self._follow_rules()), self._loop.create_task(self._publish())]

    async def close(self) -> None:
        """Stop; what is not taken stays with the broker, what is not sent in the outbox."""
        notes = self._site.change_notes
        notes.on_noted = notes.on_rules_changed = None
        self._site.database.on_foreign_write.remove(self._foreign_write)
        tasks = [*self._tasks, *(task for _, task in self._readers.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._drop_publisher()
        await asyncio.to_thread(self._threads.shutdown, wait=True)

    def _foreign_write(self) -> None:
        self._site.change_notes.forget()
        self._wake(self._noted)

    def _wake(self, event: asyncio.Event) -> None:
        try:
            self._loop.call_soon_threadsafe(event.set)
        except RuntimeError:  # The loop is closed: the next start reads everything.
            return

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)

    async def _follow_rules(self) -> None:
        while True:
            self._rules_changed.clear()
            try:
                rules = await self._in_thread(self._enabled_rules)
            except DemitasseError as error:
                _log.warning("sync.rules_unread", error=error.message)
            else:
                self._publish_rules = [rule for rule in rules if rule.pattern is Pattern.PUBLISH]
                self._noted.set()
                await self._follow_readers({rule.name: rule for rule in rules if rule.pattern is Pattern.BROKER})
            try:
                async with asyncio.timeout(_POLL_S * 6):
                    await self._rules_changed.wait()
            except TimeoutError:
                continue

    def _enabled_rules(self) -> list[Rule]:
        context = self._site.documents

        def work(tx: Transaction) -> list[Rule]:
            names = rule_names(context, tx, {"enabled": 1, "pattern": ["in", ["Publish", "Broker"]]})
            return [load_rule(context, tx, name) for name in names]

        return reading(self._site, work)

    async def _follow_readers(self, wanted: dict[str, Rule]) -> None:
        """Start the readers of new rules and end those of rules that are gone or were changed."""
        over = [name for name, (rule, _) in self._readers.items() if wanted.get(name) != rule]
        for name in over:
            _, task = self._readers.pop(name)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        for name, rule in wanted.items():
            if name not in self._readers:
                reader = RuleReader(self._site, rule, threads=self._threads, loop=self._loop)
                self._readers[name] = rule, self._loop.create_task(reader.run())

    async def _publish(self) -> None:
        """Send what waits, whenever something does."""
        failures = 0
        while True:
            self._noted.clear()
            try:
                await self._publish_all()
                if failures:
                    await self._tell("")
                failures = 0
            except DemitasseError as error:
                if not failures:
                    _log.warning("sync.not_published", error=error.message)
                    await self._tell(error.message)
                await self._drop_publisher()
                await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
                failures += 1
                continue
            try:
                async with asyncio.timeout(_POLL_S):
                    await self._noted.wait()
            except TimeoutError:
                continue

    async def _publish_all(self) -> None:
        rules = self._publish_rules
        if not rules:
            return
        own = await self._in_thread(lambda: site_id(self._site))
        streams = {publishing.stream_of(rule, site_id=own): rule for rule in rules}
        await self._lanes.write(lambda tx: _settle_streams(tx, streams))
        for stream, rule in streams.items():
            others = [
                each for each, other in streams.items() if each != stream and other.local_doctype == rule.local_doctype
            ]
            while await self._publish_some(stream, rule, others):
                pass

    async def _publish_some(self, stream: str, rule: Rule, others: list[str]) -> bool:
        context = self._site.documents
        batch = await self._in_thread(
            lambda: reading(self._site, lambda tx: publishing.next_batch(context, tx, rule, stream))
        )
        if batch is None:
            return False
        if self._publisher is None:
            self._publisher = publisher_to(self._site.settings.broker_url)
        await self._publisher.publish(stream, batch.bodies)
        await self._lanes.write(lambda tx: publishing.confirm(tx, rule, stream, batch, others=others))
        return True

    async def _tell(self, message: str) -> None:
        """Write with the rules what stands between them and the broker."""
        rules = self._publish_rules

        def work(tx: Transaction) -> None:
            for rule in rules:
                note_error(self._site, tx, rule, message)

        try:
            await self._lanes.write(work)
        except DemitasseError as error:  # The database cannot be written to: the log has said what there is to say.
            _log.warning("sync.not_noted", error=error.message)

    async def _drop_publisher(self) -> None:
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            await publisher.close()


def _settle_streams(tx: Transaction, streams: Mapping[str, Rule]) -> None:
    """Let new streams begin, and forget those that nothing publishes to any more."""
    store.forget_other_streams(tx, list(streams))
    for stream, rule in streams.items():
        publishing.begin(tx, rule, stream)
