"""Which page comes next: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from demitasse.client.errors import UnusableAnswer
from demitasse.client.model import ApiRequest, Filters
from demitasse.client.protocol import list_request

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where an iteration over all rows of a list stands.

    Without an order, rows come by name, each page from where the last one ended: rows that are made or deleted
    meanwhile move no others. With an order of the caller's, pages are counted, and such changes can show a row twice
    or not at all. The end is an empty page: a short one may be that of a site which gives fewer rows than it is asked.

    Args:
        after: The name that the next page starts behind.
        start: The number of rows that the next page leaves out.
    """

    doctype: str
    fields: tuple[str, ...]
    filters: tuple[Sequence[Any], ...]
    or_filters: Filters
    order_by: str | None
    page_length: int
    parent: str | None
    after: str | int | None = None
    start: int = 0

    @classmethod
    def of(
        cls,
        doctype: str,
        *,
        fields: Sequence[str],
        filters: Filters,
        or_filters: Filters,
        order_by: str | None,
        page_length: int,
        parent: str | None,
    ) -> Self:
        """Return the first page's place."""
        return cls(
            doctype=doctype,
            fields=tuple(fields),
            filters=as_triples(filters),
            or_filters=or_filters,
            order_by=order_by,
            page_length=page_length,
            parent=parent,
        )

    @property
    def request(self) -> ApiRequest:
        """Asks for the page."""
        by_name = self.order_by is None
        fields = self.fields if not by_name or {"name", "*"} & {*self.fields} else (*self.fields, "name")
        behind = () if self.after is None else ((self.doctype, "name", ">", self.after),)
        return list_request(
            self.doctype,
            fields=fields,
            filters=(*self.filters, *behind),
            or_filters=self.or_filters,
            order_by=f"`tab{self.doctype}`.`name` asc" if by_name else self.order_by,
            limit_start=self.start,
            limit_page_length=self.page_length,
            parent=self.parent,
        )

    def next(self, rows: Sequence[Row]) -> "Pages | None":
        """Return the place behind these rows, or ``None`` at the end.

        Raises:
            UnusableAnswer: the site gives the same page for ever.
        """
        if not rows:
            return None
        if self.order_by is not None:
            return replace(self, start=self.start + len(rows))
        last = rows[-1].get("name")
        if last is None or last == self.after:
            message = (
                f"The site does not list {self.doctype} by name from where the last page ended, so no end is in sight."
            )
            raise UnusableAnswer(message, status=200, is_transient=False)
        return replace(self, after=last)

    def shown(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows with the fields that were asked for."""
        if self.order_by is not None or {"name", "*"} & {*self.fields}:
            return list(rows)
        return [{key: value for key, value in row.items() if key != "name"} for row in rows]


def as_triples(filters: Filters) -> tuple[Sequence[Any], ...]:
    """Return filters of either form as conditions that others can be added to."""
    if not isinstance(filters, Mapping):
        return tuple(filters)
    return tuple(
        (field, *value) if isinstance(value, list | tuple) else (field, "=", value) for field, value in filters.items()
    )
