"""Taking the pushes of other sites: verified, in order per document, applied like everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from demitasse.client.errors import ClientError
from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.documents import store as document_store
from demitasse.incoming.model import scheme_of
from demitasse.incoming.verification import verify
from demitasse.sync import connecting, envelope, logbook, store
from demitasse.sync.apply import Batch
from demitasse.sync.arrivals import Applier, Arrival
from demitasse.sync.errors import RefusedPush, UnverifiedPush
from demitasse.sync.model import Counts, Mark, RemoteDocument, Rule, Tombstone
from demitasse.sync.parked import stored_document
from demitasse.sync.ports import Home
from demitasse.sync.rules import REMOTE_SITE, RemoteSite, load_site, rules_of_site
from demitasse.sync.transacting import reading

_SCHEME = scheme_of("standard_webhooks")
_RETRIED = 50
_DEPTH = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """What a push tells, ready to be applied.

    Args:
        reserve: What it links to, as far as that was fetched.
    """

    applier: Applier
    arrivals: Sequence[Arrival]
    tombstone: Tombstone | None
    reserve: Sequence[Arrival]


class Receiver:
    """Receives for one site."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def read(self, told: Mapping[str, Any], remote: RemoteSite) -> Arrived:
        """Return what a verified push tells.

        What it links to and is not here is fetched from the sender, where that can be called; else the document will
        wait, parked, until that comes by a push of its own.

        Raises:
            RefusedPush: no rule takes documents of this kind from there, or it cannot be read.
        """
        home = self._home
        doctype = str(told.get("doctype") or "")
        rules = reading(home.database, lambda tx: rules_of_site(home.context, tx, remote.name))
        rule = rules.get(doctype)
        if rule is None:
            message = f"No enabled Sync Rule of this site takes {doctype or 'documents'} from {remote.name}"
            raise RefusedPush(message, site=remote.name, doctype=doctype)
        applier = Applier(home.context, site=remote.name, peer=remote.site_id, own_site=home.site_id, rules=rules)
        arrivals = applier.prepare(envelope.documents_told(told))
        return Arrived(
            applier=applier,
            arrivals=arrivals,
            tombstone=envelope.tombstone_told(told),
            reserve=self._linked(applier, arrivals, remote, rule),
        )

    def apply(self, tx: Transaction, arrived: Arrived) -> Counts:
        """Apply it as part of ``tx``, and then what waited for it."""
        batch = Batch(arrived.applier, tx, reserve=arrived.reserve)
        batch.take(arrived.arrivals)
        if arrived.tombstone is not None:
            batch.bury([arrived.tombstone])
        counts = batch.finish()
        if counts.inserted:
            counts.add(self._take_waiting(tx, arrived.applier))
        return counts

    def _linked(
        self, applier: Applier, arrivals: Sequence[Arrival], remote: RemoteSite, rule: Rule
    ) -> Sequence[Arrival]:
        """Fetch what is linked to and missing; a sender that cannot be called now makes the document wait."""
        found: list[Arrival] = []
        if not remote.url or not self._missing(applier, arrivals):
            return found
        try:
            with (
                connecting.client_of(remote) as client,
                connecting.source_of(client, remote, rule, self._home.context.registry) as source,
            ):
                for _ in range(_DEPTH):
                    fetched: list[RemoteDocument] = []
                    for doctype, names in self._missing(applier, [*arrivals, *found]).items():
                        fetched += source.documents(names, doctype=doctype)
                    if not fetched:
                        break
                    found += applier.prepare(fetched)
        except ClientError:
            return found
        return found

    def _missing(self, applier: Applier, arrivals: Sequence[Arrival]) -> Mapping[str, Sequence[str]]:
        return reading(self._home.database, lambda read: applier.missing_targets(read, arrivals))

    def _take_waiting(self, tx: Transaction, applier: Applier) -> Counts:
        """Try again what waited for links, now that something new is here."""
        context = self._home.context
        rows = queries.select(
            context,
            tx,
            context.registry.get(logbook.PARKED),
            actor=None,
            fields=["remote_doctype", "remote_name", "data"],
            filters={"remote_site": applier.site, "error_type": "MissingLinks", "kind": logbook.DOCUMENT},
            order_by="creation asc",
            limit=_RETRIED,
        ).as_dicts()
        waiting = [found for row in rows if (found := stored_document(row)) is not None]
        if not waiting:
            return Counts()
        batch = Batch(applier, tx)
        batch.take(applier.prepare(waiting))
        counts = batch.finish()
        counts.read = counts.parked = 0  # they were read and parked before
        return counts


def verified_site(home: Home, tx: Transaction, headers: Mapping[str, str], body: bytes, site_id: str) -> RemoteSite:
    """Return the Remote Site whose secret signed a body that says it comes from a site.

    Raises:
        UnverifiedPush: none did; which check failed is not told.
    """
    context = home.context
    doctype = context.registry.get(REMOTE_SITE)
    names = queries.select(
        context, tx, doctype, actor=None, fields=["name", "site_id"], filters={"enabled": 1}, limit=0
    ).rows
    now = context.clock()
    # A site that was never called has no id yet: its first verified push tells it.
    for name, _ in sorted((row for row in names if row[1] in {site_id, None, ""}), key=lambda row: not row[1]):
        remote = load_site(context, tx, name)
        if remote.push_secret and verify(_SCHEME, headers, body, secrets=[remote.push_secret], now=now).is_good:
            return remote if remote.site_id else replace(remote, site_id=site_id)
    message = "The signature is not that of a Remote Site of this site: both sites need the same Push Secret"
    raise UnverifiedPush(message)


def note_sender(home: Home, tx: Transaction, remote: RemoteSite) -> None:
    """Keep the id of a site that pushed for the first time."""
    known = load_site(home.context, tx, remote.name).site_id
    if known == remote.site_id:
        return
    doctype = home.context.registry.get(REMOTE_SITE)
    document_store.set_columns(home.context, tx, doctype, remote.name, {"site_id": remote.site_id})


def inventory(tx: Transaction, site: str, doctype: str, *, after: str, limit: int) -> dict[str, Any]:
    """Return what is here of a site's documents, by their names there: the edit that each shows."""
    marks: Sequence[Mark] = store.marks_after(tx, site, doctype, after=after, limit=limit)
    return {"marks": [[mark.remote_name, *mark.version] for mark in marks], "more": len(marks) >= limit}
