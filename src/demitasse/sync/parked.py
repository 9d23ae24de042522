"""Trying parked rows again, each with what its document now is at the source."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.documents import queries
from demitasse.kernel import json
from demitasse.sync import logbook
from demitasse.sync.applying import Applying
from demitasse.sync.arrivals import Applier
from demitasse.sync.model import Counts, Position, RemoteDocument, Rule, Tombstone, Version
from demitasse.sync.ports import Home, Source
from demitasse.sync.rules import zone_of
from demitasse.sync.transacting import reading, writing

_AT_A_TIME = 200


class Retry:
    """One round of attempts for the parked rows of a rule.

    Args:
        source: ``None`` where it cannot be asked: then rows are tried as they came.
    """

    def __init__(self, home: Home, rule: Rule, source: Source | None, applier: Applier) -> None:
        self._home = home
        self._rule = rule
        self._source = source
        self._applying = Applying(home, applier, source)

    def run(self, *, names: Sequence[str] = (), is_all: bool = False) -> Counts:
        """Try rows again that are due, these by their names, or all.

        A document that the source no longer has is forgotten: its deletion comes by its own way.
        """
        after = ""
        while rows := self._rows(names, is_all=is_all, after=after):
            for doctype in sorted({row["remote_doctype"] for row in rows}):
                self._documents(doctype, [row for row in rows if row["remote_doctype"] == doctype])
            after = rows[-1]["name"]
        return self._applying.counts

    def _rows(self, names: Sequence[str], *, is_all: bool, after: str) -> list[dict[str, Any]]:
        context = self._home.context
        filters: list[list[Any]] = [["sync_rule", "=", self._rule.name], ["name", ">", after]]
        if names:
            filters.append(["name", "in", list(names)])
        elif not is_all:
            filters.append(["next_attempt_at", "<=", context.clock()])
        return reading(
            self._home.database,
            lambda tx: queries.select(
                context,
                tx,
                context.registry.get(logbook.PARKED),
                actor=None,
                fields=["name", "remote_doctype", "remote_name", "kind", "data"],
                filters=filters,
                order_by="name asc",
                limit=_AT_A_TIME,
            ).as_dicts(),
        )

    def _documents(self, doctype: str, rows: Sequence[Mapping[str, Any]]) -> None:
        deletions = [row for row in rows if row["kind"] == logbook.DELETION]
        documents = [row for row in rows if row["kind"] != logbook.DELETION]
        found = self._as_they_are(doctype, documents)
        self._applying.documents(sorted(found, key=lambda document: document.position))
        back = {document.name for document in self._ask(doctype, deletions)}
        self._forget([row["name"] for row in deletions if row["remote_name"] in back])
        left = [tombstone_of(doctype, row) for row in deletions if row["remote_name"] not in back]
        if left:
            self._applying.deletions(left)

    def _as_they_are(self, doctype: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[RemoteDocument]:
        if self._source is None:
            return [found for row in rows if (found := stored_document(row)) is not None]
        fresh = self._ask(doctype, rows)
        there = {document.name for document in fresh}
        self._forget([row["name"] for row in rows if row["remote_name"] not in there])
        return fresh

    def _ask(self, doctype: str, rows: Sequence[Mapping[str, Any]]) -> Sequence[RemoteDocument]:
        if self._source is None or not rows:
            return []
        return self._source.documents([row["remote_name"] for row in rows], doctype=doctype)

    def _forget(self, rows: Sequence[str]) -> None:
        def work(tx: Transaction) -> None:
            for row in rows:
                logbook.unpark(self._home.context, tx, row)

        if rows:
            writing(self._home.database, work)


def stored_document(row: Mapping[str, Any]) -> RemoteDocument | None:
    """Return the document that a parked row keeps as it came; ``None`` where it keeps none."""
    said = json.decode(row["data"]) if row["data"] else {}
    stamp = said.pop(logbook.STAMP, None)
    return unstamped(row["remote_doctype"], row["remote_name"], said, stamp) if stamp else None


def unstamped(doctype: str, name: str, values: Mapping[str, Any], stamp: Mapping[str, Any]) -> RemoteDocument:
    """Return the document that values and a stamp (``apply.stamp_of``) stand for."""
    return RemoteDocument(
        doctype=doctype,
        name=name,
        modified=stamp["modified"],
        version=Version(*stamp["version"]),
        changed_at=datetime.fromisoformat(stamp["changed_at"]),
        values=values,
        docstatus=stamp["docstatus"],
        zone=zone_of(stamp["zone"]) or UTC,
        sequence=stamp["sequence"],
    )


def tombstone_of(doctype: str, row: Mapping[str, Any]) -> Tombstone:
    """Return the deletion that a parked row keeps."""
    said = json.decode(row["data"]) if row["data"] else {}
    return Tombstone(
        doctype=doctype,
        name=row["remote_name"],
        position=Position(*said.get("position", ("", row["remote_name"]))),
        deleted_at=datetime.fromisoformat(said["deleted_at"]),
        new_name=said.get("new_name"),
        origin=said.get("origin", ""),
    )
