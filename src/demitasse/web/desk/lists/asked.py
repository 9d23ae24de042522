"""What the URL of a list asks for, and the URLs of lists that ask for something else.

Filters stand as in Frappe: ``?status=Open``, or ``?grand_total=[">","100"]``. What is no field begins with ``_``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from demitasse.kernel import json

OPERATORS = {
    "=": "is",
    "!=": "is not",
    "like": "contains",
    "not like": "does not contain",
    ">": "is more than",
    "<": "is less than",
    ">=": "is at least",
    "<=": "is at most",
    "in": "is one of",
    "is": "is",
}
SIZES = (20, 100, 500)
_MOST_PAGES = 100_000
_MOST_FILTERS = 20
_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition; ``is`` takes ``set`` or ``not set``, ``in`` takes values with commas between."""

    field: str
    operator: str
    value: str

    def pair(self) -> tuple[str, str]:
        """Return it as it stands in a URL."""
        if self.operator == "=" and not self.value.startswith("["):
            return self.field, self.value
        return self.field, json.encode([self.operator, self.value]).decode()

    def condition(self) -> list[object]:
        """Return it as a query has it; what is searched in a text may stand anywhere in it."""
        value: object = self.value
        if self.operator in {"like", "not like"} and "%" not in self.value:
            value = f"%{self.value}%"
        elif self.operator == "in":
            value = [part.strip() for part in self.value.split(",")]
        return [self.field, self.operator, value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a list shows.

    Args:
        search: A text that stands somewhere in the name, the title or a search field.
        sort: A field's name; empty is the DocType's own order.
        page: From 1.
    """

    path: str
    filters: tuple[Filter, ...] = ()
    search: str = ""
    sort: str = ""
    is_descending: bool = False
    page: int = 1
    size: int = SIZES[0]

    def url(self) -> str:
        """Return where this is shown."""
        pairs = [*self.pairs(), *([("_page", str(self.page))] if self.page > 1 else [])]
        return f"{self.path}?{urlencode(pairs)}" if pairs else self.path

    def pairs(self, *, with_search: bool = True) -> list[tuple[str, str]]:
        """Return all but the page, as it stands in a URL: what a form above the list sends along."""
        pairs = [each.pair() for each in self.filters]
        if self.search and with_search:
            pairs.append(("_q", self.search))
        if self.sort:
            pairs.append(("_sort", f"{self.sort} {'desc' if self.is_descending else 'asc'}"))
        if self.size != SIZES[0]:
            pairs.append(("_size", str(self.size)))
        return pairs

    def without(self, number: int) -> "Asked":
        """Return the list without its filter at this place."""
        kept = (*self.filters[:number], *self.filters[number + 1 :])
        return replace(self, filters=kept, page=1)

    def also(self, more: Filter) -> "Asked":
        """Return the list with one filter more."""
        return self if more in self.filters else replace(self, filters=(*self.filters, more), page=1)

    def only(self, field: str, value: str) -> "Asked":
        """Return the list with this as the one filter on a field; an empty value is none."""
        others = tuple(each for each in self.filters if each.field != field)
        chosen = (Filter(field=field, operator="=", value=value),) if value else ()
        return replace(self, filters=(*others, *chosen), page=1)

    def sorted_by(self, field: str) -> "Asked":
        """Return the list in the order of a field; asked again, in the opposite one."""
        return replace(self, sort=field, is_descending=self.sort == field and not self.is_descending, page=1)

    def at(self, page: int) -> "Asked":
        """Return another page of the list."""
        return replace(self, page=page)

    def value_of(self, field: str) -> str:
        """Return what the one plain filter on a field says; empty when there is none."""
        return next((each.value for each in self.filters if each.field == field and each.operator == "="), "")


def read(path: str, pairs: Iterable[tuple[str, str]], *, known: frozenset[str]) -> Asked:
    """Return what a query asks for; names that are no fields, and numbers that are none, are left out."""
    filters: list[Filter] = []
    named: dict[str, str] = {}
    for key, value in pairs:
        if key.startswith("_"):
            named[key] = value[:_LONGEST]
        elif key in known and len(filters) < _MOST_FILTERS:
            filters.append(_filter(key, value[:_LONGEST]))
    sort, _, direction = named.get("_sort", "").partition(" ")
    size = _number(named.get("_size", ""), most=SIZES[-1])
    return Asked(
        path=path,
        filters=tuple(filters),
        search=" ".join(named.get("_q", "").split()),
        sort=sort if sort in known else "",
        is_descending=direction == "desc",
        page=_number(named.get("_page", ""), most=_MOST_PAGES) or 1,
        size=size if size in SIZES else SIZES[0],
    )


def _filter(field: str, text: str) -> Filter:
    if text.startswith("["):
        try:
            found = json.decode(text)
        except json.MalformedJson:
            found = None
        match found:
            case [str(operator), str() | int() | float() as value] if operator in OPERATORS:
                return Filter(field=field, operator=operator, value=str(value))
            case ["in", list(values)]:
                return Filter(field=field, operator="in", value=", ".join(map(str, values)))
            case _:
                pass
    return Filter(field=field, operator="=", value=text)


def _number(text: str, *, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else 0
