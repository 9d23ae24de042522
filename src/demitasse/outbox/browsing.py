"""Looking through deliveries: filtered, newest first, by pages, in a bounded time however many there are.

Three indexes lead the way: by webhook, by state and by document. The one with the fewest rows is walked from its newest
end, in windows; each row of a window is held against the filters that the index knows nothing of. When the time is used
up, the page says how far back it has looked and where to go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demitasse.db.codec import decoders
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.kernel.clock import monotonic_s
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

_SUCCESS = range(200, 300)
_ID_LENGTH = 36
_UNDELIVERED = (DeliveryState.FAILED, DeliveryState.RETRYING, DeliveryState.HELD, DeliveryState.QUEUED)
_LIKE = {
    "sqlite": "{} LIKE ? ESCAPE '!'",
    "postgresql": "{} ILIKE ? ESCAPE '!'",
    "mariadb": "CONVERT({} USING utf8mb4) COLLATE utf8mb4_general_ci LIKE ? ESCAPE '!'",
}
_SEARCHED = ("name", "reference_document", "url", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which deliveries; what is empty does not narrow.

    Args:
        codes: Of the last answer, both ends included; 0 is no answer.
        since: The time of the event, at the earliest; aware.
        until: At the latest.
        text: Anywhere in the id, the document's name, the URL or the body; case does not matter.
    """

    states: frozenset[DeliveryState] = frozenset()
    webhook: str | None = None
    doctype: str | None = None
    document: str | None = None
    codes: tuple[int, int] | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


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


@dataclass(frozen=True, slots=True)
class _Term:
    """One condition, and the columns that it is about."""

    sql: str
    params: tuple[Any, ...]
    column: str = ""


@dataclass(frozen=True, slots=True)
class _Path:
    """An index to walk: its rows are those of all lanes. ``is_sorted``: a lane's rows lie in the order of time."""

    lanes: tuple[_Term, ...]
    covers: frozenset[str] = field(default_factory=frozenset)
    is_sorted: bool = True


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
        self._since = [] if filters.since is None else [_Term('"creation" >= ?', (self._stored(filters.since),))]
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
        low = [] if bound is None else [_Term('"creation" >= ?', (self._stored(bound),))]
        rows: list[tuple[Any, ...]] = []
        for lane in self._path.lanes:
            where, params = _and([lane, *self._place(), *self._since, *low, *self._rest])
            rows += self._tx.execute(f"{_ROWS} WHERE {where} {_NEWEST_FIRST}", (*params, wanted))
        found = to_rows(self._tx, _COLUMNS, rows)
        found.sort(key=lambda row: (row["creation"], row["name"]), reverse=True)
        return found[:wanted]

    def _bound(self, window: int) -> datetime | None:
        """Return how far back to look so that about ``window`` rows of each lane are; ``None``: to the end."""
        bounds = []
        for lane in self._path.lanes:
            where, params = _and([lane, *self._place(is_exact=False), *self._since])
            sql = f'SELECT "creation" FROM {_TABLE} WHERE {where} ORDER BY "creation" DESC LIMIT 1 OFFSET ?'  # noqa: S608 - constants and marks
            bounds += [row[0] for row in self._tx.execute(sql, (*params, window))]
        return decoders(self._tx.dialect)[Storage.DATETIME](max(bounds)) if bounds else None

    def _place(self, *, is_exact: bool = True) -> list[_Term]:
        """Return what holds of all rows that come after the place."""
        until = self._filters.until
        terms = [] if until is None else [_Term('"creation" <= ?', (self._stored(until),))]
        if self._after is None:
            return terms
        at, name = self._stored(self._after[0]), self._after[1]
        if not name:
            return [*terms, _Term('"creation" < ?', (at,))]
        terms.append(_Term('"creation" <= ?', (at,)))
        return [*terms, _Term('("creation" < ? OR "name" < ?)', (at, name))] if is_exact else terms

    def _conditions(self) -> list[_Term]:
        """Return what the filters say, apart from the time."""
        asked = self._filters
        # The plus keeps SQLite from walking another index than the one that was chosen.
        plus = "+" if self._tx.dialect == "sqlite" else ""
        terms = [
            _Term(f'{plus}"{column}" = ?', (value,), column)
            for column, value in (
                ("webhook", asked.webhook),
                ("reference_doctype", asked.doctype),
                ("reference_document", asked.document),
            )
            if value
        ]
        if asked.states:
            marks = ", ".join("?" * len(asked.states))
            values = tuple(sorted(state.value for state in asked.states))
            terms.append(_Term(f'{plus}"status" IN ({marks})', values, "status"))
        if asked.codes is not None:
            terms.append(_Term('COALESCE("status_code", 0) BETWEEN ? AND ?', asked.codes))
        if asked.text:
            terms.append(self._text_term(asked.text))
        return terms

    def _text_term(self, text: str) -> _Term:
        if _is_id(text):
            return _Term('"name" = ?', (text,), "name")
        like = _LIKE[self._tx.dialect]
        pattern = "%" + text.replace("!", "!!").replace("%", "!%").replace("_", "!_") + "%"
        sql = " OR ".join(like.format(f'"{column}"') for column in _SEARCHED)
        params: tuple[Any, ...] = (pattern,) * len(_SEARCHED)
        where = like.format('"request_url"')
        by_url = self._tx.execute(f'SELECT "name" FROM "tabWebhook" WHERE {where}', (pattern,))  # noqa: S608 - constants
        if by_url:
            sql += f' OR ("url" IS NULL AND "webhook" IN ({", ".join("?" * len(by_url))}))'
            params += tuple(row[0] for row in by_url)
        return _Term(f"({sql})", params)

    def _shortest(self) -> _Path:
        """Return the path with the fewest rows, as far as they are counted."""
        paths = self._paths()
        if len(paths) == 1:
            return paths[0]
        lengths = [self._length(path) for path in paths]
        return min(zip(lengths, range(len(paths)), paths, strict=True))[2]

    def _paths(self) -> list[_Path]:
        """Return the paths that there are, the most telling one first."""
        asked = self._filters
        if asked.text and _is_id(asked.text):
            return [_Path((_Term('"name" = ?', (asked.text,)),), frozenset({"name"}), is_sorted=False)]
        paths = []
        if asked.doctype and asked.document:
            lane = _Term('"reference_doctype" = ? AND "reference_document" = ?', (asked.doctype, asked.document))
            paths.append(_Path((lane,), frozenset({"reference_doctype", "reference_document"})))
        if asked.webhook:
            paths.append(_Path((_Term('"webhook" = ?', (asked.webhook,)),), frozenset({"webhook"})))
        lanes = tuple(_Term('"status" = ?', (state.value,)) for state in self._states())
        paths.append(_Path(lanes, frozenset({"status"})))
        if asked.doctype and not asked.document:
            few = _Path((_Term('"reference_doctype" = ?', (asked.doctype,)),), frozenset({"reference_doctype"}), False)  # noqa: FBT003 - a value of a private class
            if self._length(few) < _FEW:
                paths.append(few)
        return paths

    def _states(self) -> Sequence[DeliveryState]:
        """Return the states that a match can have: an answer that is no success leaves a delivery undelivered."""
        asked = self._filters
        possible: Sequence[DeliveryState] = tuple(DeliveryState)
        if asked.codes is not None and (asked.codes[1] < _SUCCESS.start or asked.codes[0] >= _SUCCESS.stop):
            possible = _UNDELIVERED
        return tuple(state for state in possible if not asked.states or state in asked.states)

    def _length(self, path: _Path) -> int:
        length = 0
        in_time = [*self._place(is_exact=False), *self._since] if path.is_sorted else []
        for lane in path.lanes:
            where, params = _and([lane, *in_time])
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {_TABLE} WHERE {where} LIMIT ?) some"  # noqa: S608 - constants and marks
            length += self._tx.execute(sql, (*params, _FEW))[0][0]
        return length


def _is_id(text: str) -> bool:
    return text.startswith("msg_") and len(text) == _ID_LENGTH


def _and(terms: Sequence[_Term]) -> tuple[str, tuple[Any, ...]]:
    return " AND ".join(term.sql for term in terms), tuple(value for term in terms for value in term.params)
