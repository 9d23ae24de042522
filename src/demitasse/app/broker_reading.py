"""Reading the stream of one Sync Rule: fetch all once, then take message after message, and fetch what was lost."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

import structlog

from demitasse.app.broker_links import reader_of
from demitasse.app.site import Site
from demitasse.app.syncing import try_site
from demitasse.app.webhooks import reading, writing
from demitasse.db.errors import DatabaseError
from demitasse.db.transaction import Transaction
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import connecting
from demitasse.sync.arrivals import Applier
from demitasse.sync.broker.publishing import stream_of
from demitasse.sync.broker.receiving import Receiver, Taken
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Rule
from demitasse.sync.rules import RemoteSite, load_site, rules_of_site
from demitasse.transports.broker import GroupReader

T = TypeVar("T")
_log = structlog.get_logger("demitasse.sync")
_RETRY_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_STEADY_S = 5.0
"""Who has read for so long begins with short pauses again."""
_GAP_S = 5.0
"""How long what is missing may still come by itself."""
_LOOK_S = 0.5
_MAINTAIN_S = 60.0
_BUSY_S = 1.0


class RuleReader:
    """Reads for one rule until cancelled; every method belongs to the loop's thread, the work to others."""

    def __init__(self, site: Site, rule: Rule, *, threads: ThreadPoolExecutor, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._rule = rule
        self._threads = threads
        self._loop = loop
        self._turn = asyncio.Lock()
        self._gap_since_s: float | None = None
        self._is_told = False

    async def run(self) -> None:
        """Connect, fetch, read; and again after a while whenever something fails."""
        failures = 0
        while True:
            began_s = monotonic_s()
            try:
                await self._read()
            except DemitasseError as error:
                if monotonic_s() - began_s > _STEADY_S:
                    failures = 0
                await self._tell(error)
            except Exception:  # noqa: BLE001 - the site serves on, and the rule is tried again
                _log.exception("sync.reader_failed", rule=self._rule.name)
            await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
            failures += 1

    async def _read(self) -> None:
        with ExitStack() as stack:
            remote = await self._in_thread(lambda: known_site(self._site, self._rule))
            receiver = await self._in_thread(lambda: receiver_of(self._site, self._rule, remote, stack))
            reader = group_reader(self._site, self._rule, remote)
            try:
                was_there = await reader.open()
                await self._in_thread(
                    lambda: writing(self._site, lambda tx: note_error(self._site, tx, self._rule, ""))
                )
                self._is_told = False
                if receiver.needs_fetch or not was_there:
                    await self._fetch(receiver, remote, reason="first" if receiver.needs_fetch else "no_group")
                await self._read_on(reader, receiver, remote)
            finally:
                await reader.close()

    async def _read_on(self, reader: GroupReader, receiver: Receiver, remote: RemoteSite) -> None:
        async def take(bodies: Sequence[bytes]) -> Mapping[int, str]:
            async with self._turn:
                return await self._take(receiver, bodies)

        looking = asyncio.ensure_future(self._look_after(receiver, remote))
        reading_on = asyncio.ensure_future(reader.run(take))
        try:
            done, _ = await asyncio.wait({looking, reading_on}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (looking, reading_on):
                task.cancel()
            await asyncio.gather(looking, reading_on, return_exceptions=True)

    async def _take(self, receiver: Receiver, bodies: Sequence[bytes]) -> Mapping[int, str]:
        """Apply messages, over and over while the database cannot: they stay unacknowledged until they are durable."""
        taken: Taken | None = None
        while taken is None:
            try:
                taken = await self._in_thread(lambda: receiver.take(bodies))
            except DatabaseError as error:
                _log.warning("sync.take_delayed", rule=self._rule.name, error=error.message)
                await asyncio.sleep(_BUSY_S)
        if not taken.has_gap:
            self._gap_since_s = None
        elif self._gap_since_s is None:
            self._gap_since_s = monotonic_s()
        counts = taken.counts
        tell = _log.warning if taken.broken or counts.parked else _log.debug
        tell(
            "sync.taken",
            rule=self._rule.name,
            messages=len(bodies),
            written=counts.written,
            parked=counts.parked,
            conflicts=counts.conflicts,
            dead=len(taken.broken),
        )
        return taken.broken

    async def _look_after(self, receiver: Receiver, remote: RemoteSite) -> None:
        """Fetch what was lost; try parked rows again, and compare keys when that is due."""
        maintained_s = monotonic_s()
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._gap_since_s is not None and monotonic_s() - self._gap_since_s > _GAP_S:
                await self._fetch(receiver, remote, reason="gap")
                self._gap_since_s = None
            if remote.url and monotonic_s() - maintained_s > _MAINTAIN_S:
                maintained_s = monotonic_s()
                await self._in_thread(lambda: self._site.services.sync.runner().run(self._rule.name))

    async def _fetch(self, receiver: Receiver, remote: RemoteSite, *, reason: str) -> None:
        """Compare all keys with the source, and take what is missing or other here."""
        async with self._turn:
            _log.info("sync.fetch", rule=self._rule.name, reason=reason)
            if remote.url:
                await self._in_thread(lambda: self._site.services.sync.runner().run(self._rule.name, reconciles=True))
            await self._in_thread(receiver.resume)

    async def _tell(self, error: DemitasseError) -> None:
        """Say once what stands in the way, until the broker has been reached again."""
        if self._is_told:
            return
        self._is_told = True
        _log.warning("sync.reader_stopped", rule=self._rule.name, error=error.message)
        try:
            await self._in_thread(
                lambda: writing(self._site, lambda tx: note_error(self._site, tx, self._rule, error.message))
            )
        except DatabaseError as late:
            _log.warning("sync.reader_stopped", rule=self._rule.name, error=late.message)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)


def note_error(site: Site, tx: Transaction, rule: Rule, message: str) -> None:
    """Write what stands between a rule and its broker, for `demitasse sync status`; empty where nothing does."""
    found = checkpoints.load(site.documents, tx, rule.name)
    if found.last_error != message:
        failures = found.failures + 1 if message else 0
        checkpoints.save(site.documents, tx, rule.name, replace(found, failures=failures, last_error=message))


def known_site(site: Site, rule: Rule) -> RemoteSite:
    """Return the Remote Site of a rule with its id; where that is not known it is asked.

    Raises:
        ClientError: it cannot be asked.
        SyncError: it is no Demitasse site, or has neither a URL nor an id.
    """
    remote = reading(site, lambda tx: load_site(site.documents, tx, rule.site))
    if not remote.site_id and remote.url:
        try_site(site, rule.site)
        remote = reading(site, lambda tx: load_site(site.documents, tx, rule.site))
    if not remote.site_id or remote.site_id.startswith("frappe:"):
        message = f"{rule.site} does not publish to a broker: only Demitasse sites do. Use the pattern Pull"
        raise SyncError(message, site=rule.site)
    return remote


def receiver_of(site: Site, rule: Rule, remote: RemoteSite, stack: ExitStack) -> Receiver:
    """Return what takes the messages of a rule; its connections are closed with the stack."""
    context, home = site.documents, site.services.sync.home()
    rules = reading(site, lambda tx: rules_of_site(context, tx, rule.site))
    applier = Applier(
        context,
        site=rule.site,
        peer=remote.site_id,
        own_site=home.site_id,
        rules={**rules, rule.doctype: rule},
    )
    source = None
    if remote.url:
        client = stack.enter_context(connecting.client_of(remote))
        source = stack.enter_context(connecting.source_of(client, remote, rule, site.registry))
    return Receiver(home, rule, applier, source, site_id=remote.site_id)


def group_reader(site: Site, rule: Rule, remote: RemoteSite) -> GroupReader:
    """Return what reads the stream of a rule: this site is a group of its own."""
    stream = stream_of(rule, site_id=remote.site_id)
    return reader_of(site.settings.broker_url, stream=stream, group=site.services.sync.home().site_id)
