"""A source that is a real Frappe or ERPNext site: lists give no child rows, so each document is a call of its own.

They run side by side. A DocType without child tables here needs none of them: the list has every column.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from email.utils import parsedate_to_datetime
from typing import Any

from demitasse.client import protocol
from demitasse.client.errors import Forbidden, NotFound, ValidationFailed
from demitasse.client.site import FrappeClient
from demitasse.sync.bulk_source import names_there
from demitasse.sync.cursor import SecondWalk, positions, text_of
from demitasse.sync.errors import SyncError
from demitasse.sync.model import START, Position, RemoteDocument, Tombstone, Version, moment_of
from demitasse.sync.ports import Outlook, Page

_ORDER = "`tab{doctype}`.`modified` asc, `tab{doctype}`.`name` asc"
_BY_NAME = "`tab{doctype}`.`name` asc"
_NAMES_IN_A_CALL = 100
_DELETED = "Deleted Document"


class RestSource:
    """Documents of one DocType on a Frappe site.

    Args:
        zone: Of the site's moments.
        has_tables: The DocType has child tables here, so that whole documents are needed.
        parallel: Calls that may be under way at a time.
    """

    def __init__(
        self,
        client: FrappeClient,
        doctype: str,
        *,
        filters: Sequence[Any] = (),
        zone: tzinfo,
        has_tables: bool,
        parallel: int = 8,
    ) -> None:
        self._client = client
        self._doctype = doctype
        self._filters = [list(each) for each in filters]
        self._zone = zone
        self._has_tables = has_tables
        self._pool = ThreadPoolExecutor(max_workers=parallel, thread_name_prefix="demitasse-sync")
        self._walk = SecondWalk.behind(START)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def look(self) -> Outlook:
        """Ask what time it is there, and what was changed last."""
        request = protocol.list_request(
            self._doctype,
            fields=("modified", "name"),
            filters=self._filters,
            order_by=_ORDER.format(doctype=self._doctype).replace(" asc", " desc"),
            limit_start=0,
            limit_page_length=1,
        )
        rows, answer = self._client.exchange(request)
        dated = answer.header("date")
        newest = positions((row["modified"], row["name"]) for row in rows)
        if dated is None:
            message = f"{self._client.url} does not say what time it is: its answers have no Date"
            raise SyncError(message)
        now = parsedate_to_datetime(dated).astimezone(self._zone).replace(tzinfo=None, microsecond=999_999)
        return Outlook(
            site_id=self.site_id,
            now=now.isoformat(" ", "microseconds"),
            newest=newest[0] if newest else None,
            knows_deletions=self._may_read_deletions(),
        )

    @property
    def site_id(self) -> str:
        """What its edits are known by: such a site has no id of its own."""
        return f"frappe:{self._client.url}"[:140]

    def page(self, after: Position, *, limit: int) -> Page:
        """Return whole documents behind a position; the page before tells where in its second that lies."""
        walk = self._walk if self._walk.place == after else SecondWalk.behind(after)
        while True:
            asked = walk.request(limit)
            fields = ("*",) if not self._has_tables else ("modified", "name", "*")
            rows = self._list(self._since(asked.since), fields=fields, offset=asked.offset, limit=asked.limit)
            by_position = dict(zip(_positions(rows), rows, strict=True))
            walk, fresh, has_more = walk.digest(asked, list(by_position))
            if fresh or not has_more:
                break
        self._walk = walk
        return Page(documents=self._whole([by_position[each] for each in fresh]), last=walk.place, has_more=has_more)

    def keys(self, after: Position, *, until: str, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of documents behind one and not after a moment; all of them in one go."""
        walk, found, has_more = SecondWalk.behind(after), [], True
        while has_more:
            asked = walk.request(limit)
            rows = self._list(
                [*self._since(asked.since), [self._doctype, "modified", "<=", _next_second(until)]],
                fields=("modified", "name"),
                offset=asked.offset,
                limit=asked.limit,
            )
            walk, fresh, has_more = walk.digest(asked, _positions(rows))
            found += [position for position in fresh if position.modified <= until]
        return found, False

    def names(self, after: str, *, limit: int) -> tuple[Sequence[Position], bool]:
        """Return the positions of all documents by their names, from behind one on, and whether there are more."""
        behind = [[self._doctype, "name", ">", after]] if after else []
        rows = self._list(
            behind, fields=("modified", "name"), offset=0, limit=limit, order_by=_BY_NAME.format(doctype=self._doctype)
        )
        return _positions(rows), bool(rows)

    def documents(self, names: Sequence[str], *, doctype: str | None = None) -> Sequence[RemoteDocument]:
        """Return whole documents of these names, as far as they are there."""
        wanted, is_other = doctype or self._doctype, doctype not in {None, self._doctype}
        found: list[RemoteDocument] = []
        for start in range(0, len(names), _NAMES_IN_A_CALL):
            chunk = list(names[start : start + _NAMES_IN_A_CALL])
            rows = self._client.get_list(
                wanted,
                fields=("*",),
                filters=[*([] if is_other else self._filters), [wanted, "name", "in", chunk]],
                limit_page_length=len(chunk) + 1,
            )
            found += self._whole(rows, doctype=wanted)
        return found

    def tombstones(self, after: Position, *, limit: int) -> tuple[Sequence[Tombstone], Position, bool]:
        """Return what was deleted behind a position, as far as it is not there again."""
        rows = self._client.get_list(
            _DELETED,
            fields=("modified", "name", "deleted_name", "new_name"),
            filters=[
                [_DELETED, "deleted_doctype", "=", self._doctype],
                *([[_DELETED, "modified", ">=", after.modified[:19]]] if after.modified else []),
            ],
            order_by=_ORDER.format(doctype=_DELETED),
            limit_page_length=limit,
        )
        there = self.there([str(row["deleted_name"]) for row in rows])
        places = _positions(rows)
        found = [
            Tombstone(
                doctype=self._doctype,
                name=str(row["deleted_name"]),
                position=place,
                deleted_at=moment_of(place.modified, zone=self._zone),
                new_name=row.get("new_name") or None,
            )
            for place, row in zip(places, rows, strict=True)
            if str(row["deleted_name"]) not in there
        ]
        last = max([after, *places])
        return found, last, len(rows) >= limit and last > after

    def there(self, names: Sequence[str]) -> set[str]:
        """Return those of the names that documents have there, whatever the filters."""
        return names_there(self._client, self._doctype, names)

    def _may_read_deletions(self) -> bool:
        try:
            self._client.get_list(_DELETED, limit_page_length=1)
        except (Forbidden, NotFound, ValidationFailed):
            return False
        return True

    def _since(self, second: str) -> list[list[Any]]:
        return [[self._doctype, "modified", ">=", second]] if second else []

    def _list(
        self, filters: Sequence[Any], *, fields: Sequence[str], offset: int, limit: int, order_by: str | None = None
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get_list(
            self._doctype,
            fields=tuple(dict.fromkeys(fields)) if "*" not in fields else ("*",),
            filters=[*self._filters, *filters],
            order_by=order_by or _ORDER.format(doctype=self._doctype),
            limit_start=offset,
            limit_page_length=limit,
        )
        return found

    def _whole(self, rows: Sequence[Mapping[str, Any]], *, doctype: str | None = None) -> list[RemoteDocument]:
        wanted = doctype or self._doctype
        if not self._has_tables and wanted == self._doctype:
            return [self._document(row, wanted) for row in rows]
        found = self._pool.map(lambda row: self._fetch(row, wanted), rows)
        return [self._document(values, wanted) for values in found if values is not None]

    def _fetch(self, row: Mapping[str, Any], doctype: str) -> dict[str, Any] | None:
        """Return a whole document; what its answer leaves out, the row says that it has: it is empty."""
        try:
            values = self._client.get_doc(doctype, str(row["name"]))
        except NotFound:
            return None  # deleted meanwhile: the deletion comes by its own way
        return {**dict.fromkeys(row), **values}

    def _document(self, values: Mapping[str, Any], doctype: str) -> RemoteDocument:
        modified = text_of(str(values["modified"]))
        return RemoteDocument(
            doctype=doctype,
            name=str(values["name"]),
            modified=modified,
            version=Version(self.site_id, modified),
            changed_at=moment_of(modified, zone=self._zone),
            values=values,
            docstatus=int(values.get("docstatus") or 0),
            zone=self._zone,
        )


def _positions(rows: Sequence[Mapping[str, Any]]) -> list[Position]:
    return positions((row["modified"], row["name"]) for row in rows)


def _next_second(moment: str) -> str:
    """Return a bound that also a site which compares whole seconds does not put before the moment."""
    return datetime.fromisoformat(moment).replace(microsecond=999_999).isoformat(" ", "microseconds")
