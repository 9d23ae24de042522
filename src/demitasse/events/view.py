"""A document as conditions and templates see it: read-only, in the site's time, its fields by name."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Protocol

from typing_extensions import override

from demitasse.events.errors import UnknownField
from demitasse.events.wording import suggest

_MISSING = object()


class Fields(Protocol):
    """The fields that a kind of document has; ``doctypes.model.DocType`` is one."""

    @property
    def name(self) -> str:
        """The name of the DocType."""

    @property
    def by_name(self) -> Mapping[str, Any]:
        """The fields by canonical name."""

    def canonical(self, name: str) -> str | None:
        """Return the canonical name for a name or an alias, ``None`` when there is no such field."""


class DocumentView:
    """A frozen look at one document; an attribute or an item is the value of a field.

    A known field without a value is ``None``; an unknown one raises ``UnknownField``. ``view.items`` is the field
    ``items``. Moments are naive and in the site's zone, as Frappe's scripts have them.

    Args:
        values: Values by canonical name, rows of a child table as a list of views. The caller leaves secrets out and
            does not change it afterwards.
        fields: The known fields.
        zone: The site's time zone.
        before: The document before the change, if there was one.
    """

    __slots__ = ("_before", "_fields", "_values", "_zone")

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        fields: Fields,
        zone: tzinfo = UTC,
        before: "DocumentView | None" = None,
    ) -> None:
        self._values = values
        self._fields = fields
        self._zone = zone
        self._before = before

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        value = self.find(name)
        if value is _MISSING:
            raise self._unknown(name)
        return value

    def __contains__(self, name: str) -> bool:
        return self._fields.canonical(name) is not None

    @override
    def __repr__(self) -> str:
        return f"<{self._fields.name} {self._values.get('name')}>"

    __iter__ = None

    def find(self, name: str, default: Any = _MISSING) -> Any:
        """Return the value of a field, or ``default`` where there is no such field."""
        value = self._values.get(name, _MISSING)
        if value is _MISSING:
            value = self._other(name)
            if value is _MISSING:
                return default
        if type(value) is datetime and value.tzinfo is not None:
            return self.local(value)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of a field, or ``default`` where it is empty or there is no such field."""
        value = self.find(name, None)
        return default if value is None else value

    def is_new(self) -> bool:
        """Tell whether there was no such document before."""
        return self._before is None

    def get_doc_before_save(self) -> "DocumentView | None":
        """Return the document as it was before the change, if there was one."""
        return self._before

    def has_value_changed(self, name: str) -> bool:
        """Tell whether a field differs from before; every field of a new document does.

        Raises:
            UnknownField: there is no such field.
        """
        value = self[name]
        return self._before is None or bool(_settled(value) != _settled(self._before[name]))

    def pairs(self) -> Iterator[tuple[str, Any]]:
        """Yield names and values as Frappe orders them: columns, the DocType, then child tables."""
        tables = []
        for name, value in self._values.items():
            if type(value) is list:
                tables.append((name, value))
            elif type(value) is datetime and value.tzinfo is not None:
                yield name, self.local(value)
            else:
                yield name, value
        yield "doctype", self._fields.name
        yield from tables

    def as_dict(self) -> dict[str, Any]:
        """Return a new dictionary of everything in the document, child rows as dictionaries."""
        return {name: _settled(value) for name, value in self.pairs()}

    def local(self, moment: datetime) -> datetime:
        """Return an aware moment as naive time of the site."""
        if self._zone is not moment.tzinfo:
            moment = moment.astimezone(self._zone)
        return moment.replace(tzinfo=None)

    def _other(self, name: str) -> Any:
        """Return the value behind an alias, of an empty known field, or ``_MISSING``."""
        if name == "doctype":
            return self._fields.name
        canonical = self._fields.canonical(name)
        return _MISSING if canonical is None else self._values.get(canonical)

    def _unknown(self, name: object) -> UnknownField:
        return UnknownField(self.explain_unknown(name), doctype=self._fields.name, field=name)

    def explain_unknown(self, name: object) -> str:
        """Return the sentence for a field that is not there, with names that are near."""
        return f"{self._fields.name} has no field '{name}'{suggest(name, [*self._fields.by_name, 'doctype'])}"


def _settled(value: Any) -> Any:
    if type(value) is list:
        return [_settled(item) for item in value]
    return value.as_dict() if isinstance(value, DocumentView) else value
