"""A small trading site in one SQLite file, for tests of list queries."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from demitasse.db.codec import encoders
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.query import ListQuery
from demitasse.documents.query_parse import parse_query
from demitasse.documents.query_run import Rows, count_query, run_query, run_query_wire
from demitasse.documents.tables import document_tables

NOW = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)  # a Wednesday


def field(name: str, fieldtype: str, **more: Any) -> dict[str, Any]:
    """Return a DocField row."""
    return {"fieldname": name, "fieldtype": fieldtype, **more}


ITEM_GROUP = {
    "name": "Item Group",
    "is_tree": 1,
    "fields": [
        field("parent_item_group", "Link", options="Item Group"),
        field("is_group", "Check"),
        field("margin", "Currency", permlevel=1),
    ],
}
ITEM = {
    "name": "Item",
    "fields": [
        field("item_code", "Data"),
        field("item_name", "Data"),
        field("item_group", "Link", options="Item Group"),
        field("standard_rate", "Currency"),
        field("stock", "Int"),
        field("disabled", "Check"),
        field("description", "Text Editor"),
        field("section", "Section Break"),
        field("valid_on", "Date"),
        field("seen_at", "Datetime"),
        field("opens_at", "Time"),
        field("api_secret", "Password"),
        field("margin", "Currency", permlevel=1),
        field("webhook_docevent", "Data", aliases=["doc_event"]),
        field("site", "Link", options="Site Settings"),
        field("party_type", "Link", options="DocType"),
        field("party", "Dynamic Link", options="party_type"),
    ],
}
ORDER_ITEM = {
    "name": "Sales Order Item",
    "istable": 1,
    "fields": [field("item_code", "Link", options="Item"), field("qty", "Float"), field("warehouse", "Data")],
}
ORDER = {
    "name": "Sales Order",
    "is_submittable": 1,
    "fields": [
        field("customer", "Data"),
        field("items", "Table", options="Sales Order Item"),
        field("notes", "Table", options="Note Row"),
        field("closed_notes", "Table", options="Note Row"),
    ],
}
NOTE_ROW = {"name": "Note Row", "istable": 1, "fields": [field("note", "Data")]}
SITE_SETTINGS = {"name": "Site Settings", "issingle": 1, "fields": [field("country", "Data")]}
DEFINITIONS = (ITEM_GROUP, ITEM, ORDER_ITEM, ORDER, NOTE_ROW, SITE_SETTINGS)


def insert(tx: Transaction, doctype: DocType, values: dict[str, Any]) -> None:
    """Write one row; what is left out is empty."""
    convert = encoders(tx.dialect)
    row: dict[str, Any] = {}
    for column in doctype.columns:
        value = values.get(column.name)
        if value is not None and column.type.storage is not None:
            row[column.name] = convert.get(column.type.storage, lambda kept: kept)(value)
    names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    tx.run(f'INSERT INTO "{doctype.table}" ({names}) VALUES ({marks})', tuple(row.values()))


class QuerySite:
    """A database with the DocTypes above; rows are written as they come, without a document's checks."""

    def __init__(self, path: Path) -> None:
        self.registry = Registry()
        for definition in DEFINITIONS:
            self.registry.register(parse_doctype(definition, app="test"))
        self.database = SqliteDatabase(path)
        self._moment = datetime(2026, 1, 1, tzinfo=UTC)
        tx = self.database.write()
        ensure_tables(tx, document_tables(self.registry))
        tx.commit()

    def doctype(self, name: str) -> DocType:
        """Return a DocType."""
        return self.registry.get(name)

    def put(self, doctype: str, *rows: dict[str, Any]) -> None:
        """Write rows of kept values; each is an hour younger than the one before."""
        tx = self.database.write()
        for row in rows:
            self._moment += timedelta(hours=1)
            standard = {"owner": "Administrator", "modified_by": "Administrator", "docstatus": 0, "idx": 0}
            times = {"creation": self._moment, "modified": self._moment}
            insert(tx, self.doctype(doctype), {**standard, **times, **row})
        tx.commit()

    def put_order(self, name: str, *items: dict[str, Any], table: str = "items", **values: Any) -> None:
        """Write a Sales Order with child rows."""
        self.put("Sales Order", {"name": name, **values})
        child = next(f.options for f in self.doctype("Sales Order").table_fields if f.name == table) or ""
        for number, item in enumerate(items, start=1):
            place = {"parent": name, "parenttype": "Sales Order", "parentfield": table, "idx": number}
            self.put(child, {"name": f"{name}-{table}-{number}", **place, **item})

    def query(self, doctype: str, *, zone: tzinfo = UTC, **asked: Any) -> ListQuery:
        """Return a parsed query."""
        return parse_query(self.doctype(doctype), registry=self.registry, zone=zone, now=NOW, **asked)

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction that reads."""
        tx = self.database.read()
        try:
            yield tx
        finally:
            tx.rollback()

    def rows(self, doctype: str, **asked: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a query with kept values."""
        return self.found(self.query(doctype, **asked)).rows

    def names(self, doctype: str, **asked: Any) -> list[str]:
        """Return the names that a query finds, sorted."""
        return sorted(row[0] for row in self.rows(doctype, limit=0, **asked))

    def dicts(self, doctype: str, *, zone: tzinfo = UTC, **asked: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as the API shows them."""
        with self.reading() as tx:
            return run_query_wire(tx, self.query(doctype, zone=zone, **asked), zone=zone).as_dicts()

    def count(self, doctype: str, *, most: int | None = None, **asked: Any) -> int:
        """Return how many documents a query counts."""
        with self.reading() as tx:
            return count_query(tx, self.query(doctype, **asked), most=most)

    def found(self, query: ListQuery) -> Rows:
        """Run a query."""
        with self.reading() as tx:
            return run_query(tx, query)


@contextmanager
def trading_site(path: Path) -> Iterator[QuerySite]:
    """Give a site with a few items in groups, and orders of them."""
    site = QuerySite(path)
    site.put(
        "Item Group",
        {"name": "All", "is_group": 1},
        {"name": "Products", "parent_item_group": "All", "is_group": 1, "margin": 0.5},
        {"name": "Ice", "parent_item_group": "Products"},
        {"name": "Services", "parent_item_group": "All"},
    )
    site.put(
        "Item",
        {
            "name": "CONE",
            "item_name": "Waffle cone",
            "item_group": "Products",
            "standard_rate": 2.5,
            "stock": 40,
            "valid_on": date(2026, 3, 18),
            "seen_at": datetime(2026, 3, 17, 20, 30, tzinfo=UTC),
            "opens_at": timedelta(hours=9, minutes=30),
            "api_secret": "ciphertext",
            "margin": 0.3,
            "webhook_docevent": "on_update",
        },
        {
            "name": "MANGO",
            "item_name": "Mango 100%",
            "item_group": "Ice",
            "standard_rate": 4,
            "disabled": 1,
            "valid_on": date(2026, 2, 28),
            "seen_at": datetime(2026, 3, 18, 0, 0, tzinfo=UTC),
        },
        {"name": "VISIT", "item_name": "Visit", "item_group": "Services", "standard_rate": 99.9, "stock": 7},
        {"name": "BLANK"},
    )
    site.put_order("SO-1", {"item_code": "CONE", "qty": 2}, {"item_code": "MANGO", "qty": 7}, customer="Acme")
    site.put_order("SO-2", {"item_code": "CONE", "qty": 9, "warehouse": "Main"}, customer="Globex")
    site.put_order("SO-3", customer="Acme")
    site.put_order("SO-4", {"note": "call back"}, table="closed_notes")
    yield site
    site.database.close()
