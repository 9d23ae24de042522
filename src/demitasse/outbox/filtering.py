"""What deliveries are narrowed to, as conditions of a statement and as indexes to walk. Nothing is read here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from demitasse.outbox.model import DeliveryState

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


@dataclass(frozen=True, slots=True)
class Term:
    """One condition, and the column that it is about."""

    sql: str
    params: tuple[Any, ...]
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """An index to walk: its rows are those of all lanes.

    Args:
        covers: Columns whose conditions hold for all its rows.
        is_sorted: A lane's rows lie in the order of time.
    """

    lanes: tuple[Term, ...]
    covers: frozenset[str] = field(default_factory=frozenset)
    is_sorted: bool = True


def conditions(asked: Filters, *, dialect: str, webhooks: Sequence[str]) -> list[Term]:
    """Return what the filters say, apart from the time.

    Args:
        webhooks: Those whose URL has the text that is searched for.
    """
    # The plus keeps SQLite from walking another index than the one that was chosen.
    plus = "+" if dialect == "sqlite" else ""
    terms = [
        Term(f'{plus}"{column}" = ?', (value,), column)
        for column, value in (
            ("webhook", asked.webhook),
            ("reference_doctype", asked.doctype),
            ("reference_document", asked.document),
        )
        if value
    ]
    if asked.states:
        values = tuple(sorted(state.value for state in asked.states))
        terms.append(Term(f'{plus}"status" IN ({_marks(values)})', values, "status"))
    if asked.codes is not None:
        terms.append(Term('COALESCE("status_code", 0) BETWEEN ? AND ?', asked.codes))
    if asked.text:
        terms.append(_text_term(asked.text, dialect=dialect, webhooks=webhooks))
    return terms


def paths(asked: Filters) -> list[Path]:
    """Return the indexes that can be walked in the order of time, the most telling one first."""
    if asked.text and is_id(asked.text):
        return [Path(lanes=(Term('"name" = ?', (asked.text,)),), covers=frozenset({"name"}), is_sorted=False)]
    found = []
    if asked.doctype and asked.document:
        lane = Term('"reference_doctype" = ? AND "reference_document" = ?', (asked.doctype, asked.document))
        found.append(Path(lanes=(lane,), covers=frozenset({"reference_doctype", "reference_document"})))
    if asked.webhook:
        found.append(Path(lanes=(Term('"webhook" = ?', (asked.webhook,)),), covers=frozenset({"webhook"})))
    lanes = tuple(Term('"status" = ?', (state.value,)) for state in _states(asked))
    found.append(Path(lanes=lanes, covers=frozenset({"status"})))
    return found


def path_of_doctype(asked: Filters) -> Path | None:
    """Return the path over all deliveries of a DocType, which is not in the order of time; for where they are few."""
    if not asked.doctype or asked.document or (asked.text and is_id(asked.text)):
        return None
    lane = Term('"reference_doctype" = ?', (asked.doctype,))
    return Path(lanes=(lane,), covers=frozenset({"reference_doctype"}), is_sorted=False)


def like(column: str, text: str, *, dialect: str) -> Term:
    """Return the condition that a column has a text in it, whatever the case of its letters."""
    escaped = text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return Term(_LIKE[dialect].format(f'"{column}"'), (f"%{escaped}%",))


def is_id(text: str) -> bool:
    """Return whether a text is a delivery's whole id."""
    return text.startswith("msg_") and len(text) == _ID_LENGTH


def both(terms: Sequence[Term]) -> tuple[str, tuple[Any, ...]]:
    """Return the condition that all of these hold, with its parameters."""
    return " AND ".join(term.sql for term in terms), tuple(value for term in terms for value in term.params)


def _text_term(text: str, *, dialect: str, webhooks: Sequence[str]) -> Term:
    if is_id(text):
        return Term('"name" = ?', (text,), "name")
    found = [like(column, text, dialect=dialect) for column in _SEARCHED]
    if webhooks:  # A delivery without a URL of its own goes to its webhook's.
        found.append(Term(f'("url" IS NULL AND "webhook" IN ({_marks(webhooks)}))', tuple(webhooks)))
    sql = " OR ".join(term.sql for term in found)
    return Term(f"({sql})", tuple(value for term in found for value in term.params))


def _states(asked: Filters) -> Sequence[DeliveryState]:
    """Return the states that a match can have: an answer that is no success leaves a delivery undelivered."""
    possible: Sequence[DeliveryState] = tuple(DeliveryState)
    if asked.codes is not None and (asked.codes[1] < _SUCCESS.start or asked.codes[0] >= _SUCCESS.stop):
        possible = _UNDELIVERED
    return tuple(state for state in possible if not asked.states or state in asked.states)


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
