"""Looking through deliveries: filtered, newest first, by pages, in a bounded time however many there are.

Three indexes lead the way: by webhook, by state and by document. The one with the fewest rows is walked from its newest
end, in windows; each row of a window is held against the filters that the index knows nothing of. When the time is used
up, the page says how far back it has looked and where to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from demitasse.db.codec import decoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.kernel.clock import monotonic_s
from demitasse.outbox.filtering import Filters, Path, Term, both, conditions, is_id, like, path_of_doctype, paths
from demitasse.outbox.history import Row, listed, to_rows
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.store import STORED_MOMENT

Place = tuple[datetime, str]
"""Where a walk stands: the creation and the name of the last delivery seen; with no name, all of that moment were."""

BUDGET_S = 0.045
_COLUMNS = (
    "name",
    "webhook",
    "status",
    "reference_doctype",
    "reference_document",
    "event",
    "sequence",
    "request_method",
    "url",
    "attempts",
    "status_code",
    "error",
    "creation",
    "next_attempt_at",
    "finished_at",
)
_TABLE = '"tabWebhook Delivery"'
_ROWS = f"SELECT {listed(_COLUMNS)} FROM {_TABLE}"  # noqa: S608 - constants
_NEWEST_FIRST = 'ORDER BY "creation" DESC, "name" DESC LIMIT ?'
_FIRST_WINDOW = 500
_LARGEST_WINDOW = 8_000
_FEW = 5_000
"""A path with fewer rows than this is short; how many more there are is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some deliveries, newest first.

    Args:
        following: Where the next page begins; ``None`` after the last.
        looked_back_to: Set where the time was used up before the page was full: what is older was not looked at.
    """

    rows: Sequence[Row]
    following: Place | None
    looked_back_to: datetime | None = None


def find(
    tx: Transaction,
    filters: Filters,
    *,
    after: Place | None,
    limit: int,
    budget_s: float = BUDGET_S,
    window: int = _FIRST_WINDOW,
) -> Page:
    """Return the next page of the deliveries that match.

    Args:
        after: ``following`` of the page before, ``None`` to begin.
        budget_s: About how long it may look.
        window: How many rows of an index it looks at first, before it knows how quick that is.
    """
    return _Walk(tx, filters, after=after, limit=limit).run(window, ends_at_s=monotonic_s() + budget_s)


def tallies(tx: Transaction, *, most: int = 1_000) -> dict[str, int]:
    """Return how many deliveries are in which state; more than ``most`` are not counted."""
    counted = f'SELECT count(*) FROM (SELECT 1 FROM {_TABLE} WHERE "status" = ? LIMIT ?) some'  # noqa: S608 - constants
    return {state.value: tx.execute(counted, (state.value, most + 1))[0][0] for state in DeliveryState}


class _Walk:
    """One page in the making."""

    def __init__(self, tx: Transaction, filters: Filters, *, after: Place | None, limit: int) -> None:
        self._tx = tx
        self._stored = STORED_MOMENT[tx.dialect]
        self._filters = filters
        self._after = after
        self._limit = limit
        self._since = [] if filters.since is None else [Term('"creation" >= ?', (self._stored(filters.since),))]
        self._path = self._shortest()
        self._rest = [term for term in self._conditions() if term.column not in self._path.covers]

    def run(self, window: int, *, ends_at_s: float) -> Page:
        found: list[Row] = []
        while True:
            began_s = monotonic_s()
            bound = self._bound(window) if self._path.is_sorted else None
            found += self._window(bound, wanted=self._limit + 1 - len(found))
            if len(found) > self._limit:
                last = found[self._limit - 1]
                return Page(rows=found[: self._limit], following=(last["creation"], last["name"]))
            if bound is None:
                return Page(rows=found, following=None)
            self._after = (bound, "")
            now_s = monotonic_s()
            if now_s >= ends_at_s:
                return Page(rows=found, following=self._after, looked_back_to=bound)
            if now_s - began_s < (ends_at_s - now_s) / 4:
                window = min(window * 2, _LARGEST_WINDOW)

    def _window(self, bound: datetime | None, *, wanted: int) -> list[Row]:
        """Return the first matches between the place and a bound, which belongs to the window."""
        low = [] if bound is None else [Term('"creation" >= ?', (self._stored(bound),))]
        rows: list[tuple[Any, ...]] = []
        for lane in self._path.lanes:
            where, params = both([lane, *self._place(), *self._since, *low, *self._rest])
            rows += self._tx.execute(f"{_ROWS} WHERE {where} {_NEWEST_FIRST}", (*params, wanted))
        found = to_rows(self._tx, _COLUMNS, rows)
        found.sort(key=lambda row: (row["creation"], row["name"]), reverse=True)
        return found[:wanted]

    def _bound(self, window: int) -> datetime | None:
        """Return how far back to look so that about ``window`` rows of each lane are; ``None``: to the end."""
        bounds = []
        for lane in self._path.lanes:
            where, params = both([lane, *self._place(is_exact=False), *self._since])
            sql = f'SELECT "creation" FROM {_TABLE} WHERE {where} ORDER BY "creation" DESC LIMIT 1 OFFSET ?'  # noqa: S608 - constants and marks
            bounds += [row[0] for row in self._tx.execute(sql, (*params, window))]
        return decoders(self._tx.dialect)[Storage.DATETIME](max(bounds)) if bounds else None

    def _place(self, *, is_exact: bool = True) -> list[Term]:
        """Return what holds of all rows that come after the place."""
        until = self._filters.until
        terms = [] if until is None else [Term('"creation" <= ?', (self._stored(until),))]
        if self._after is None:
            return terms
        at, name = self._stored(self._after[0]), self._after[1]
        if not name:
            return [*terms, Term('"creation" < ?', (at,))]
        terms.append(Term('"creation" <= ?', (at,)))
        return [*terms, Term('("creation" < ? OR "name" < ?)', (at, name))] if is_exact else terms

    def _conditions(self) -> list[Term]:
        text = self._filters.text
        webhooks: list[str] = []
        if text and not is_id(text):
            named = like("request_url", text, dialect=self._tx.dialect)
            sql = f'SELECT "name" FROM "tabWebhook" WHERE {named.sql}'  # noqa: S608 - constants and marks
            webhooks = [row[0] for row in self._tx.execute(sql, named.params)]
        return conditions(self._filters, dialect=self._tx.dialect, webhooks=webhooks)

    def _shortest(self) -> Path:
        """Return the path with the fewest rows, as far as they are counted."""
        found = paths(self._filters)
        by_doctype = path_of_doctype(self._filters)
        if by_doctype is not None and self._length(by_doctype) < _FEW:
            found.append(by_doctype)
        return found[0] if len(found) == 1 else min(found, key=self._length)

    def _length(self, path: Path) -> int:
        length = 0
        in_time = [*self._place(is_exact=False), *self._since] if path.is_sorted else []
        for lane in path.lanes:
            where, params = both([lane, *in_time])
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {_TABLE} WHERE {where} LIMIT ?) some"  # noqa: S608 - constants and marks
            length += self._tx.execute(sql, (*params, _FEW))[0][0]
        return length
