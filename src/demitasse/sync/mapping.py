"""From a document as its source has it to the values that it gets here: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import STANDARD_NAMES, DocType, Registry
from demitasse.documents.model import Record
from demitasse.sync.model import RemoteDocument, Rule

_LEFT_OUT = STANDARD_NAMES | {"doctype"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a document gets here.

    Args:
        values: By local field name; tables as lists of rows, each with its ``name`` at the source.
        dropped: Fields of the source that have no place here.
    """

    values: dict[str, Any]
    dropped: tuple[str, ...] = ()


def map_document(remote: RemoteDocument, rule: Rule, doctype: DocType, registry: Registry) -> Mapped:
    """Return the values that a document gets here.

    Without a field map every field goes to the one of its name; what this site does not have is left out, what the
    source does not have keeps its value, or its default where the document is new.
    """
    values: dict[str, Any] = {}
    dropped: list[str] = []
    for theirs, value in remote.values.items():
        if theirs in _LEFT_OUT or theirs.startswith("_"):
            continue
        name = rule.fields.get(theirs) if rule.fields else theirs
        if name is None:
            continue  # the map leaves it out on purpose
        field = doctype.by_name.get(doctype.canonical(name) or "")
        if field is None or field.type.is_secret or (isinstance(value, list) != field.type.is_table and value):
            dropped.append(theirs)
        elif field.type.is_table:
            child = registry.get(field.options or "")
            values[field.name] = [_row(row, child, remote.zone) for row in value or ()]
        else:
            values[field.name] = _zoned(value, remote.zone) if field.type.storage is Storage.DATETIME else value
    for name, value in rule.fixed.items():
        field = doctype.by_name.get(doctype.canonical(name) or "")
        if field is not None:
            values[field.name] = value
    return Mapped(values=values, dropped=tuple(dropped))


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
