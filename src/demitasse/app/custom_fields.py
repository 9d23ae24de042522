"""The DocTypes of a site with the fields that Custom Fields add to them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from demitasse.db.schema import ensure_tables
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Field, Registry
from demitasse.doctypes.parse import parse_field
from demitasse.documents.tables import table_of

_COLUMNS = (
    "dt",
    "fieldname",
    "fieldtype",
    "label",
    "insert_after",
    "options",
    "default",
    "length",
    "precision",
    "fetch_from",
    "fetch_if_empty",
    "description",
    "depends_on",
    "permlevel",
    "reqd",
    "unique",
    "read_only",
    "hidden",
    "allow_on_submit",
    "no_copy",
    "in_list_view",
    "in_standard_filter",
    "search_index",
    "set_only_once",
)
_SELECT = f'SELECT {", ".join(chr(34) + name + chr(34) for name in _COLUMNS)} FROM "tabCustom Field"'  # noqa: S608 - constants


class CustomFields:
    """Keeps the registry's DocTypes as the apps ship them, plus what the site adds."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shipped: Mapping[str, DocType] = {doctype.name: doctype for doctype in registry}
        self._added: dict[str, list[dict[str, Any]]] = {}

    def load(self, tx: Transaction) -> None:
        """Take over the Custom Fields as they are stored now; DocTypes whose fields did not change stay the same."""
        if tx.dialect == "sqlite" and not tx.execute("""SELECT 1 FROM sqlite_master WHERE name = 'tabCustom Field'"""):
            return  # the site is being made
        found: dict[str, list[dict[str, Any]]] = {}
        for row in tx.execute(_SELECT + ' ORDER BY "creation", "name"'):
            values = dict(zip(_COLUMNS, row, strict=True))
            found.setdefault(values["dt"], []).append(values)
        for name in {*found, *self._added}:
            if found.get(name) != self._added.get(name) and name in self._shipped:
                self._registry.register(_extended(self._shipped[name], found.get(name, [])))
        self._added = found

    def extend(self, tx: Transaction, name: str) -> None:
        """Make the columns that a DocType's Custom Fields need; the fields are there once the transaction commits."""
        shipped = self._shipped.get(name)
        if shipped is None:
            return
        rows = [
            dict(zip(_COLUMNS, row, strict=True))
            for row in tx.execute(_SELECT + ' WHERE "dt" = ? ORDER BY "creation", "name"', (name,))
        ]
        extended = _extended(shipped, rows)
        ensure_tables(tx, [table_of(extended)])

        def register() -> None:
            self._added[name] = rows
            self._registry.register(extended)

        tx.after_commit(register)


def _extended(shipped: DocType, rows: list[dict[str, Any]]) -> DocType:
    fields = list(shipped.fields)
    for row in rows:
        field = parse_field({**row, "is_custom_field": 1}, doctype=shipped.name)
        fields.insert(_place(fields, row["insert_after"]), field)
    return replace(shipped, fields=tuple(fields))


def _place(fields: list[Field], after: str | None) -> int:
    names = [field.name for field in fields]
    return names.index(after) + 1 if after in names else len(fields)
