"""From a document as its source has it to the values that it gets here: pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import STANDARD_NAMES, DocType, Registry
from demitasse.documents.model import Record
from demitasse.sync.model import RemoteDocument, Rule

_LEFT_OUT = STANDARD_NAMES | {"doctype"}


class Mapper:
    """Maps documents that have the same fields: which goes where is worked out once.

    Without a field map every field goes to the one of its name; what this site does not have is left out, what the
    source does not have keeps its value, or its default where the document is new.

    Args:
        fields: What the documents have, at their source.
    """

    def __init__(self, fields: Sequence[str], rule: Rule, doctype: DocType, registry: Registry) -> None:
        self.doctype = doctype
        self.dropped: list[str] = []
        self._plain: list[tuple[str, str]] = []
        self._moments: list[tuple[str, str]] = []
        self._tables: list[tuple[str, str, DocType]] = []
        self._fixed: dict[str, Any] = {}
        for theirs in fields:
            self._place(theirs, rule, registry)
        for name, value in rule.fixed.items():
            field = doctype.by_name.get(doctype.canonical(name) or "")
            if field is not None:
                self._fixed[field.name] = value

    def values(self, remote: RemoteDocument) -> dict[str, Any]:
        """Return the values that a document gets here, by local field name; rows with their names at the source."""
        given, zone = remote.values, remote.zone
        # A field that holds rows there and a value here has no meaning here.
        found = {name: value for theirs, name in self._plain if not isinstance(value := given[theirs], list)}
        for theirs, name in self._moments:
            found[name] = _zoned(given[theirs], zone)
        for theirs, name, child in self._tables:
            rows = given[theirs]
            if not rows or isinstance(rows, list):
                found[name] = [_row(row, child, zone) for row in rows or ()]
        found.update(self._fixed)
        return found

    def _place(self, theirs: str, rule: Rule, registry: Registry) -> None:
        """Find out where a field goes; one that the map leaves out does so on purpose."""
        if theirs in _LEFT_OUT or theirs.startswith("_"):
            return
        name = rule.fields.get(theirs) if rule.fields else theirs
        if name is None:
            return
        field = self.doctype.by_name.get(self.doctype.canonical(name) or "")
        if field is None or field.type.is_secret:
            self.dropped.append(theirs)
        elif field.type.is_table:
            self._tables.append((theirs, field.name, registry.get(field.options or "")))
        elif field.type.storage is Storage.DATETIME:
            self._moments.append((theirs, field.name))
        else:
            self._plain.append((theirs, field.name))


def _row(row: Mapping[str, Any], child: DocType, zone: tzinfo) -> dict[str, Any]:
    found: dict[str, Any] = {"name": row.get("name")}
    for key, value in row.items():
        field = child.by_name.get(child.canonical(key) or "")
        if field is not None and key not in _LEFT_OUT and not field.type.is_secret:
            found[field.name] = _zoned(value, zone) if field.type.storage is Storage.DATETIME else value
    return found


def _zoned(value: Any, zone: tzinfo) -> Any:
    """Return naive text of the source's zone as an aware moment; what is no moment is left for the check of values."""
    if not isinstance(value, str) or not value:
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value
    return moment if moment.tzinfo else moment.replace(tzinfo=zone).astimezone(UTC)


def name_rows(rows: Sequence[dict[str, Any]], present: Sequence[Record], *, key: str | None) -> None:
    """Give each arriving row the name of the row here that it is, so that it is changed and not made anew.

    Rows are the same where their names are, or, with a ``key``, where that field is equal; several of one key are
    taken in order. A row without a counterpart keeps the source's name.

    Args:
        rows: In the source's order, which they keep; changed in place.
        key: A field of the child DocType.
    """
    if not key:
        return
    waiting: dict[str, list[str]] = {}
    for record in present:
        waiting.setdefault(_comparable(record[key]), []).append(record.name)
    taken: set[str] = set()
    for row in rows:
        same = waiting.get(_comparable(row.get(key)))
        row["name"] = same.pop(0) if same else None
        if row["name"]:
            taken.add(row["name"])


def _comparable(value: Any) -> str:
    """Return what makes values of both sides comparable: a source may write 1 where this site keeps 1.0."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    return "" if value is None else str(value)


def differing(record: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the own, plain fields of ``values`` (kept form) in which they differ from a record."""
    found: dict[str, Any] = {}
    for field in record.doctype.data_fields:
        if field.name not in values or field.type.is_secret:
            continue
        new, old = values[field.name], record.values.get(field.name)
        if (new if new is not None else field.type.empty) != (old if old is not None else field.type.empty):
            found[field.name] = new
    return found
