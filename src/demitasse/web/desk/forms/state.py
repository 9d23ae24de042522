"""What stands in a form: a text for each control, and rows of them for each table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from typing import Any

from demitasse.documents.model import Record
from demitasse.kernel import json
from demitasse.web.desk.forms.texts import clean, is_same, text_of

_FIELD, _TABLE, _TAKE, _CLEAR = "f.", "t.", "_take.", "_clear."


@dataclass(frozen=True, slots=True, kw_only=True)
class RowState:
    """One row of a table.

    Args:
        key: Tells the rows of a form apart; it means nothing else.
        name: The stored row's; empty for a new one.
    """

    key: str
    name: str
    texts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """The texts of a form.

    Args:
        texts: By field.
        tables: By table field; a table that is not there was not in the form.
        cleared: Password fields that are to be emptied.
        refused: Fields in which a person takes what somebody else wrote meanwhile.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, tuple[RowState, ...]] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    def without(self, names: Iterable[str]) -> "FormState":
        """Return the form without some of its fields."""
        dropped = frozenset(names)
        return replace(
            self,
            texts={name: text for name, text in self.texts.items() if name not in dropped},
            tables={name: rows for name, rows in self.tables.items() if name not in dropped},
        )


def of_record(record: Record, zone: tzinfo) -> FormState:
    """Return the form of a document as it is."""
    doctype = record.doctype
    return FormState(
        texts={each.name: text_of(each, record.values.get(each.name), zone) for each in doctype.data_fields},
        tables={
            each.name: tuple(_row_of(row, number, zone) for number, row in enumerate(record.rows(each.name)))
            for each in doctype.table_fields
        },
    )


def of_form(pairs: Iterable[tuple[str, str]]) -> FormState:
    """Return what a browser sent; of two texts for one control the last counts, as a box after its hidden 0."""
    texts: dict[str, str] = {}
    tables: dict[str, dict[str, dict[str, str]]] = {}
    cleared, refused = set(), set()
    for name, value in pairs:
        if name.startswith(_FIELD):
            texts[name.removeprefix(_FIELD)] = clean(value)
        elif name.startswith(_TABLE):
            table, _, rest = name.removeprefix(_TABLE).partition(".")
            rows = tables.setdefault(table, {})
            key, dot, column = rest.partition(".")
            if dot:
                rows.setdefault(key, {})[column] = clean(value)
        elif name.startswith(_CLEAR) and value == "1":
            cleared.add(name.removeprefix(_CLEAR))
        elif name.startswith(_TAKE) and value == "theirs":
            refused.add(name.removeprefix(_TAKE))
    return FormState(
        texts=texts,
        tables={
            table: tuple(RowState(key=key, name=row.pop("name", ""), texts=row) for key, row in rows.items())
            for table, rows in tables.items()
        },
        cleared=frozenset(cleared),
        refused=frozenset(refused),
    )


def encode(state: FormState) -> str:
    """Return a form as text for a hidden field."""
    tables = {name: [[row.name, dict(row.texts)] for row in rows] for name, rows in state.tables.items()}
    return json.encode([dict(state.texts), tables]).decode()


def decode(text: str) -> FormState | None:
    """Return the form of a hidden field; ``None`` when it was tampered with."""
    try:
        found: Any = json.decode(text)
        texts, tables = found
        return FormState(
            texts={str(name): str(value) for name, value in texts.items()},
            tables={
                str(name): tuple(
                    RowState(key=str(number), name=str(row[0]), texts={str(k): str(v) for k, v in row[1].items()})
                    for number, row in enumerate(rows)
                )
                for name, rows in tables.items()
            },
        )
    except (json.MalformedJson, ValueError, TypeError, AttributeError, LookupError):
        return None


def same_rows(one: Iterable[RowState], other: Iterable[RowState], record_fields: Mapping[str, Any]) -> bool:
    """Return whether two tables have the same rows in the same order, as far as the first one's columns go."""
    first, second = list(one), list(other)
    if len(first) != len(second):
        return False
    return all(
        mine.name == theirs.name
        and all(
            is_same(record_fields[column], text, theirs.texts.get(column, ""))
            for column, text in mine.texts.items()
            if column in record_fields
        )
        for mine, theirs in zip(first, second, strict=True)
    )


def _row_of(row: Record, number: int, zone: tzinfo) -> RowState:
    texts = {each.name: text_of(each, row.values.get(each.name), zone) for each in row.doctype.data_fields}
    return RowState(key=str(number), name=row.name, texts=texts)
