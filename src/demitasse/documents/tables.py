"""The tables that documents need."""

from collections.abc import Iterable, Iterator

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.model import DocType, Field

SERIES = TableSpec(
    name="tabSeries",
    columns=(
        ColumnSpec(name="name", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="current", storage=Storage.INTEGER, nullable=False, default=0),
    ),
    primary_key=("name",),
)
SINGLES = TableSpec(
    name="tabSingles",
    columns=(
        ColumnSpec(name="doctype", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="field", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="value", storage=Storage.LONG_TEXT),
    ),
    primary_key=("doctype", "field"),
)
_MAX_INDEXED_LENGTH = 255


def document_tables(doctypes: Iterable[DocType]) -> Iterator[TableSpec]:
    """Yield the tables of these DocTypes and the ones that all documents share."""
    yield SERIES
    yield SINGLES
    for doctype in doctypes:
        if not doctype.is_single:
            yield table_of(doctype)


def table_of(doctype: DocType) -> TableSpec:
    """Return the table of a DocType."""
    indexes = [IndexSpec(columns=("parent", "parentfield") if doctype.is_table else ("modified", "name"))]
    for field in doctype.data_fields:
        if field.unique:
            indexes.append(IndexSpec(columns=(field.name,), unique=True))
        elif field.search_index and field.type.storage is not Storage.LONG_TEXT:
            indexes.append(IndexSpec(columns=(field.name,)))
    indexes.extend(IndexSpec(columns=columns) for columns in doctype.indexes)
    return TableSpec(
        name=doctype.table,
        columns=tuple(_column(field) for field in doctype.columns),
        primary_key=("name",),
        indexes=tuple(indexes),
    )


def _column(field: Field) -> ColumnSpec:
    assert field.type.storage is not None  # noqa: S101 - data_fields have one
    is_short = field.type.storage is Storage.SHORT_TEXT and (field.length or 0) <= _MAX_INDEXED_LENGTH
    storage = Storage.LONG_TEXT if field.type.storage is Storage.SHORT_TEXT and not is_short else field.type.storage
    has_empty = field.type.empty is not None
    return ColumnSpec(
        name=field.name,
        storage=storage,
        length=field.max_length if is_short else None,
        nullable=not has_empty,
        default=field.type.empty,
    )
