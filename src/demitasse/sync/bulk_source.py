"""A source that is a Demitasse site: a page of whole documents is one call."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from demitasse.client.site import FrappeClient
from demitasse.kernel import json
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Position, RemoteDocument, Tombstone, Version, moment_of
from demitasse.sync.ports import Outlook, Page

METHODS = "frappe.integrations.sync."
_NAMES_IN_A_CALL = 100


class BulkSource:
    """Documents of one DocType on a Demitasse site.

    Args:
        filters: Frappe's filters; only documents that match are there.
    """

    def __init__(self, client: FrappeClient, doctype: str, *, filters: Sequence[Any] = ()) -> None:
        self._client = client
        self._doctype = doctype
        self._filters = json.encode(list(filters)).decode() if filters else ""

    def look(self) -> Outlook:
        """Ask what it says of itself."""
        said = self._ask("describe")
        newest = said.get("newest")
        return Outlook(
            site_id=str(said["site"]),
            now=str(said["now"]),
            newest=Position(*newest) if newest else None,
            deletions_since=str(said.get("deletions_since") or ""),
        )

    def page(self, after: Position, *, limit: int) -> Page:
        """Return whole documents behind a position."""
        said = self._ask("changes", after=list(after), limit=limit)
        documents = documents_of(self._doctype, said)
        last = max([after, *(document.position for document in documents)])
        return Page(documents=documents, last=last, has_more=bool(said.get("more")))

    def keys(self, after: Position, *, until: str, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of documents behind one and not after a moment, and whether there are more."""
        return _keys(self._ask("keys", after=list(after), until=until, limit=limit))

    def names(self, after: str, *, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of all documents by their names, from behind one on, and whether there are more."""
        return _keys(self._ask("names", after=after, limit=limit))

    def documents(self, names: Sequence[str], *, doctype: str | None = None) -> Sequence[RemoteDocument]:
        """Return whole documents of these names, as far as they are there."""
        found: list[RemoteDocument] = []
        wanted = doctype or self._doctype
        for start in range(0, len(names), _NAMES_IN_A_CALL):
            said = self._ask("documents", doctype=wanted, names=list(names[start : start + _NAMES_IN_A_CALL]))
            found += documents_of(wanted, said)
        return found

    def there(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that documents have there, whatever the filters."""
        return names_there(self._client, self._doctype, names)

    def tombstones(self, after: Position, *, limit: int) -> tuple[Sequence[Tombstone], Position, bool]:
        """Return what was deleted or renamed behind a position, how far that looks, and whether there is more."""
        said = self._ask("deletions", after=list(after), limit=limit)
        found = [_tombstone(self._doctype, row) for row in said["deletions"] if not row["is_there"]]
        last = max([after, *(Position(*row["position"]) for row in said["deletions"])])
        return found, last, bool(said.get("more"))

    def _ask(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        asked = {"doctype": self._doctype, **({"filters": self._filters} if self._filters else {}), **arguments}
        if asked["doctype"] != self._doctype:
            asked.pop("filters", None)
        said = self._client.call(METHODS + method, asked, method="GET")
        if not isinstance(said, Mapping):
            message = f"{self._client.url} gave no answer that can be used to {method}"
            raise SyncError(message)
        return said


def names_there(client: FrappeClient, doctype: str, names: Sequence[str]) -> set[str]:
    """Return those of the names that documents have on a site of either kind."""
    found: set[str] = set()
    for start in range(0, len(names), _NAMES_IN_A_CALL):
        chunk = list(names[start : start + _NAMES_IN_A_CALL])
        rows = client.get_list(doctype, filters=[[doctype, "name", "in", chunk]], limit_page_length=len(chunk) + 1)
        found.update(str(row["name"]) for row in rows)
    return found


def _keys(said: Mapping[str, Any]) -> tuple[list[Position], bool]:
    return [Position(modified, name) for modified, name in said["keys"]], bool(said.get("more"))


def documents_of(doctype: str, said: Mapping[str, Any]) -> list[RemoteDocument]:
    """Return the documents of an answer: columns and rows, put together."""
    fields = said["fields"]
    tables = {field: _by_parent(table) for field, table in said["tables"].items()}
    found = []
    for row, version in zip(said["rows"], said["versions"], strict=True):
        values = dict(zip(fields, row, strict=True))
        name = values["name"]
        for field, rows in tables.items():
            values[field] = rows.get(name, [])
        found.append(
            RemoteDocument(
                doctype=doctype,
                name=name,
                modified=values["modified"],
                version=Version(*version),
                changed_at=moment_of(values["modified"], zone=UTC),
                values=values,
                docstatus=values.get("docstatus") or 0,
            )
        )
    return found


def _by_parent(table: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    fields = table["fields"]
    for row in table["rows"]:
        values = dict(zip(fields, row, strict=True))
        found.setdefault(values.pop("parent"), []).append(values)
    return found


def _tombstone(doctype: str, row: Mapping[str, Any]) -> Tombstone:
    position = Position(*row["position"])
    return Tombstone(
        doctype=doctype,
        name=row["name"],
        position=position,
        deleted_at=moment_of(position.modified, zone=UTC),
        new_name=row["new_name"] or None,
        origin=row["origin"],
    )
