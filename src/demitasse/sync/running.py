"""Running a rule once, from asking its site to the Sync Run that tells of it; the same for schedule, Desk and command."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from demitasse.auth.model import ADMINISTRATOR
from demitasse.client.site import FrappeClient
from demitasse.db.transaction import Transaction
from demitasse.documents import store as document_store
from demitasse.documents.model import Record
from demitasse.kernel.clock import monotonic_s
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import random_name
from demitasse.sync import checkpoint as checkpoints
from demitasse.sync import connecting
from demitasse.sync.arrivals import Applier
from demitasse.sync.checkpoint import Checkpoint
from demitasse.sync.errors import RuleRunning, SyncError
from demitasse.sync.model import Counts, Pattern, Rule
from demitasse.sync.parked import Retry
from demitasse.sync.ports import Home, Lock, Source
from demitasse.sync.pull import Pull
from demitasse.sync.pushing import load_push_rule
from demitasse.sync.reconcile import Reconcile
from demitasse.sync.repush import Repush
from demitasse.sync.rules import REMOTE_SITE, RemoteSite, load_rule, load_site, rules_of_site
from demitasse.sync.transacting import reading, writing

RUN = "Sync Run"
_log = structlog.get_logger("demitasse.sync")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a run came to.

    Args:
        kind: ``Pull``, ``Push`` or ``Reconcile``.
        reason: Why keys were compared; empty where they were not.
    """

    rule: str
    kind: str
    counts: Counts
    duration_s: float
    lag_s: float
    reason: str = ""
    error: str = ""

    @property
    def documents_per_s(self) -> float:
        """Documents read in a second."""
        return self.counts.read / self.duration_s if self.duration_s else 0.0


class Runner:
    """Runs the rules of this site.

    Args:
        lock: Held while a rule runs, so that no two runs of it write over each other's checkpoints.
    """

    def __init__(self, home: Home, lock: Lock) -> None:
        self._home = home
        self._lock = lock

    def run(self, name: str, *, reconciles: bool = False, may_delete_most: bool = False) -> Ran:
        """Run a rule: retry what is parked, read what is new, and compare keys where that is due or asked for.

        A Push rule sends by itself; its run compares what its peer has.

        Raises:
            RuleRunning: another run of it is going on.
            ClientError: its site cannot be asked.
            SyncError: it cannot run as it is set up.
        """
        rule = self._rule(name)
        with self._lock(f"sync:{name}") as is_ours:
            if not is_ours:
                message = f"Sync Rule {name} is being run already: wait for that run, or look at demitasse sync status"
                raise RuleRunning(message, rule=name)
            began_s = monotonic_s()
            progress = Counts()
            try:
                ran = self._run(rule, progress, reconciles=reconciles, may_delete_most=may_delete_most)
            except DemitasseError as error:
                self._note_failure(rule, progress, error, duration_s=monotonic_s() - began_s)
                raise
            self._note(ran)
        return ran

    def _rule(self, name: str) -> Rule:
        rule = reading(self._home.database, lambda tx: load_rule(self._home.context, tx, name))
        if rule.pattern is Pattern.PUBLISH:
            message = f"Sync Rule {name} publishes to a broker: it is not run, it sends by itself"
            raise SyncError(message, rule=name)
        return rule

    def _run(self, rule: Rule, progress: Counts, *, reconciles: bool, may_delete_most: bool) -> Ran:
        context, database = self._home.context, self._home.database
        began_s = monotonic_s()
        remote = reading(database, lambda tx: load_site(context, tx, rule.site))
        reason, lag_s = "", 0.0
        if rule.pattern is Pattern.PUSH:
            reason = self._repush(rule, remote, progress, is_asked=reconciles)
        elif not remote.url:
            progress.add(Retry(self._home, rule, None, self._applier(rule, remote)).run())
        else:
            with connecting.client_of(remote) as client:
                remote = self._known(remote, client)
                applier = self._applier(rule, remote)
                with connecting.source_of(client, remote, rule, context.registry) as source:
                    progress.add(Retry(self._home, rule, source, applier).run())
                    if rule.pattern is Pattern.PULL:
                        pulled = Pull(self._home, rule, source, applier).run()
                        progress.add(pulled.counts)
                        lag_s = pulled.lag_s
                    reason = self._reason(rule, is_asked=reconciles)
                    if reason:
                        progress.add(self._compare(rule, source, applier, may_delete_most=may_delete_most))
        return Ran(
            rule=rule.name,
            kind="Push" if rule.pattern is Pattern.PUSH else "Reconcile" if reason else "Pull",
            counts=progress,
            duration_s=monotonic_s() - began_s,
            lag_s=lag_s,
            reason=reason,
        )

    def _applier(self, rule: Rule, remote: RemoteSite) -> Applier:
        context = self._home.context
        rules = reading(self._home.database, lambda tx: rules_of_site(context, tx, rule.site))
        return Applier(
            context,
            site=rule.site,
            peer=remote.site_id,
            own_site=self._home.site_id,
            rules={**rules, rule.doctype: rule},
        )

    def _repush(self, rule: Rule, remote: RemoteSite, progress: Counts, *, is_asked: bool) -> str:
        """Push again what the peer has not got, where the comparison is due: the first is, for what was there before."""
        context, database = self._home.context, self._home.database
        first = "what was there before the rule" if self._checkpoint(rule).reconciled_at is None else ""
        reason = self._reason(rule, is_asked=is_asked) or first
        found = reading(database, lambda tx: load_push_rule(tx, rule.name))
        if found is None:
            message = f"Sync Rule {rule.name} or its Webhook is not enabled: enable both to push"
            raise SyncError(message, rule=rule.name)
        if not reason:
            return ""
        with connecting.client_of(remote) as client:
            progress.add(Repush(self._home, found, remote, client).run())
        compared = replace(
            self._checkpoint(rule),
            reconciled_at=context.clock(),
            looked_at=context.clock(),
            is_complete=True,
            failures=0,
            last_error="",
        )
        writing(database, lambda tx: checkpoints.save(context, tx, rule.name, compared))
        return reason

    def _compare(self, rule: Rule, source: Source, applier: Applier, *, may_delete_most: bool) -> Counts:
        return Reconcile(self._home, rule, source, applier).run(may_delete_most=may_delete_most).counts

    def _reason(self, rule: Rule, *, is_asked: bool) -> str:
        """Return why the keys of both sides are compared in this run; empty where they are not."""
        checkpoint = self._checkpoint(rule)
        if checkpoint.compare_reason or is_asked:
            return checkpoint.compare_reason or "asked for"
        if not rule.reconcile_every_h:
            return ""
        at = checkpoint.reconciled_at
        due = at is not None and self._home.context.clock() - at >= timedelta(hours=rule.reconcile_every_h)
        return f"every {rule.reconcile_every_h} h" if due else ""

    def _checkpoint(self, rule: Rule) -> Checkpoint:
        return reading(self._home.database, lambda tx: checkpoints.load(self._home.context, tx, rule.name))

    def _known(self, remote: RemoteSite, client: FrappeClient) -> RemoteSite:
        """Return the Remote Site with what it is; a first call finds that out."""
        if remote.kind:
            return remote
        greeting = connecting.greet(client)
        writing(self._home.database, lambda tx: note_greeting(self._home, tx, remote, greeting))
        return reading(self._home.database, lambda tx: load_site(self._home.context, tx, remote.name))

    def _note(self, ran: Ran) -> None:
        """Write a Sync Run where something happened: a rule that runs each second would bury it else."""
        counts = ran.counts
        if counts.read or ran.reason:
            _log.info("sync.ran", **_told(ran))
        if counts.written or counts.conflicts or counts.parked or counts.kept or ran.reason:
            writing(self._home.database, lambda tx: write_run(self._home, tx, ran))

    def _note_failure(self, rule: Rule, counts: Counts, error: DemitasseError, *, duration_s: float) -> None:
        ran = Ran(rule=rule.name, kind="Pull", counts=counts, duration_s=duration_s, lag_s=0.0, error=error.message)
        _log.warning("sync.failed", **_told(ran), code=error.code, error=error.message)

        def work(tx: Transaction) -> None:
            found = checkpoints.load(self._home.context, tx, rule.name)
            if not found.failures or found.last_error != error.message or counts.written:
                write_run(self._home, tx, ran)
            failed = replace(found, failures=found.failures + 1, last_error=error.message)
            checkpoints.save(self._home.context, tx, rule.name, failed)

        writing(self._home.database, work)


def _told(ran: Ran) -> dict[str, Any]:
    """Return what the log says of a run."""
    counts = {name: number for name in Counts.__slots__ if (number := getattr(ran.counts, name))}
    return {
        "rule": ran.rule,
        "kind": ran.kind,
        **counts,
        "duration_ms": round(ran.duration_s * 1000),
        "lag_ms": round(ran.lag_s * 1000),
        "reason": ran.reason,
    }


def note_greeting(home: Home, tx: Transaction, remote: RemoteSite, greeting: connecting.Greeting) -> None:
    """Keep what a site says of itself with its Remote Site; a time zone that a person wrote stays."""
    values = {
        "kind": greeting.kind,
        "site_id": greeting.site_id,
        "last_contact": home.context.clock(),
        "last_error": None,
    }
    if greeting.kind == connecting.DEMITASSE or (greeting.zone and remote.zone is None):
        values["time_zone"] = greeting.zone
    document_store.set_columns(home.context, tx, home.context.registry.get(REMOTE_SITE), remote.name, values)


def write_run(home: Home, tx: Transaction, ran: Ran) -> None:
    """Write the Sync Run that tells of a run."""
    context = home.context
    now = context.clock()
    record = Record(
        context.registry.get(RUN),
        {
            "name": random_name(),
            "owner": ADMINISTRATOR,
            "modified_by": ADMINISTRATOR,
            "creation": now,
            "modified": now,
            "docstatus": 0,
            "sync_rule": ran.rule,
            "kind": ran.kind,
            "status": "Failed" if ran.error else "Done",
            "started_at": now - timedelta(seconds=ran.duration_s),
            "ended_at": now,
            **{name: getattr(ran.counts, name) for name in Counts.__slots__},
            "documents_per_s": round(ran.documents_per_s, 1),
            "lag_s": round(ran.lag_s, 3),
            "reason": ran.reason or None,
            "error": ran.error or None,
        },
        is_new=True,
    )
    document_store.insert_row(context, tx, record)
