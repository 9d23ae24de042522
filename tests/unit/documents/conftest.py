"""A small site: a customer, a submittable order with rows, and a clock that only the test moves."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from demitasse.auth.model import ADMINISTRATOR_ACTOR, Actor
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents import building, operations, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from demitasse.documents.tables import document_tables
from demitasse.vault.cipher import Vault, new_key

T = TypeVar("T")
ALL = dict.fromkeys(("read", "write", "create", "delete", "submit", "cancel", "amend"), 1)
DOCTYPES: tuple[dict[str, Any], ...] = (
    {
        "name": "Customer",
        "autoname": "field:customer_name",
        "fields": [
            {"fieldname": "customer_name", "fieldtype": "Data", "reqd": 1},
            {"fieldname": "email", "fieldtype": "Data", "options": "Email"},
            {"fieldname": "phone", "fieldtype": "Data", "options": "Phone"},
            {"fieldname": "website", "fieldtype": "Data", "options": "URL"},
            {"fieldname": "tax_id", "fieldtype": "Data", "unique": 1},
            {"fieldname": "code", "fieldtype": "Data", "set_only_once": 1},
            {"fieldname": "secret", "fieldtype": "Password"},
            {"fieldname": "credit_limit", "fieldtype": "Currency", "permlevel": 1},
            {"fieldname": "kind", "fieldtype": "Select", "options": "Company\nIndividual", "aliases": ["type"]},
            {"fieldname": "since", "fieldtype": "Date", "default": "Today"},
        ],
        "permissions": [
            {"role": "Sales", **ALL},
            {"role": "Manager", "permlevel": 1, "read": 1, "write": 1},
            {"role": "Manager", **ALL},
            {"role": "Owner", "if_owner": 1, "read": 1, "write": 1, "create": 1},
        ],
    },
    {
        "name": "Order Row",
        "istable": 1,
        "fields": [
            {"fieldname": "item", "fieldtype": "Data", "reqd": 1},
            {"fieldname": "qty", "fieldtype": "Float", "default": "1"},
        ],
    },
    {
        "name": "Order",
        "is_submittable": 1,
        "autoname": "naming_series:",
        "fields": [
            {"fieldname": "naming_series", "fieldtype": "Select", "options": "ORD-.YYYY.-\nRET-.###"},
            {"fieldname": "customer", "fieldtype": "Link", "options": "Customer", "reqd": 1, "label": "Customer"},
            {"fieldname": "customer_email", "fieldtype": "Data", "fetch_from": "customer.email"},
            {"fieldname": "kind", "fieldtype": "Data", "fetch_from": "customer.kind", "fetch_if_empty": 1},
            {"fieldname": "stolen", "fieldtype": "Data", "fetch_from": "customer.secret"},
            {"fieldname": "party_type", "fieldtype": "Link", "options": "DocType"},
            {"fieldname": "party", "fieldtype": "Dynamic Link", "options": "party_type"},
            {"fieldname": "note", "fieldtype": "Small Text", "allow_on_submit": 1},
            {"fieldname": "total", "fieldtype": "Currency"},
            {"fieldname": "due_at", "fieldtype": "Datetime"},
            {"fieldname": "amended_from", "fieldtype": "Link", "options": "Order", "no_copy": 1},
            {"fieldname": "rows", "fieldtype": "Table", "options": "Order Row", "reqd": 1, "label": "Rows"},
        ],
        "permissions": [{"role": "Sales", **ALL}],
    },
)


class TestClock:
    """A clock that moves by a millisecond at each look, so that no two moments are the same."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


class TestHooks:
    """Handlers that a test sets, by DocType and event; every event that runs is noted."""

    __test__ = False

    def __init__(self) -> None:
        self.by_doctype: dict[str, dict[str, Handler]] = {}

    def handlers(self, doctype: DocType) -> Mapping[str, Handler]:
        return self.by_doctype.get(doctype.name, {})

    def is_inline_safe(self, doctype: DocType) -> bool:
        return True


class Listening:
    """Wants to hear of everything."""

    def wants(self, doctype: str, event: str) -> bool:
        return True


class Open:
    """Refuses nothing beyond roles."""

    def allows(self, record: Record, action: str, tx: Transaction, actor: Actor, /) -> bool:
        return True


@dataclass
class SmallSite:
    """The site with short ways to use it."""

    context: DocumentContext
    database: SqliteDatabase
    hooks: TestHooks
    clock: TestClock
    journal: list[Any] = field(default_factory=list)

    def make(self, doctype: str, values: dict[str, Any], *, actor: Actor = ADMINISTRATOR_ACTOR, **flags: Any) -> Record:
        """Insert and commit."""

        def work(tx: Transaction) -> Record:
            record = building.new_record(self.context, self.context.registry.get(doctype), values)
            record.flags.update(flags)
            return operations.insert(self.context, tx, record, actor=actor)

        return self.run(work)

    def change(self, doctype: str, name: str, values: dict[str, Any], *, actor: Actor = ADMINISTRATOR_ACTOR) -> Record:
        """Load, assign, save and commit."""

        def work(tx: Transaction) -> Record:
            record = store.load(self.context, tx, self.context.registry.get(doctype), name)
            building.assign(self.context, record, values)
            return operations.save(self.context, tx, record, actor=actor)

        return self.run(work)

    def remove(self, doctype: str, name: str, *, actor: Actor = ADMINISTRATOR_ACTOR) -> None:
        """Load, delete and commit."""

        def work(tx: Transaction) -> None:
            record = store.load(self.context, tx, self.context.registry.get(doctype), name)
            operations.delete(self.context, tx, record, actor=actor)

        self.run(work)

    def load(self, doctype: str, name: str) -> Record:
        """Return what is committed."""
        tx = self.database.read()
        try:
            return store.load(self.context, tx, self.context.registry.get(doctype), name)
        finally:
            tx.rollback()

    def count(self, doctype: str) -> int:
        """Return how many rows are committed."""
        tx = self.database.read()
        try:
            return int(tx.execute(f'SELECT count(*) FROM "tab{doctype}"')[0][0])
        finally:
            tx.rollback()

    def run(self, work: Callable[[Transaction], T]) -> T:
        """Run in one transaction and keep its journal."""
        tx = self.database.write()
        try:
            result = work(tx)
            self.journal = list(tx.journal)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        return result


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SmallSite]:
    registry = Registry()
    for source in DOCTYPES:
        registry.register(parse_doctype(source, app="test"))
    database = SqliteDatabase(tmp_path / "site.db")
    tx = database.write()
    ensure_tables(tx, document_tables(registry))
    tx.commit()
    hooks, clock = TestHooks(), TestClock()
    context = DocumentContext(
        registry=registry,
        hooks=hooks,
        observers=Listening(),
        access=Open(),
        vault=Vault(new_key()),
        clock=clock,
        zone=UTC,
        dialect="sqlite",
    )
    yield SmallSite(context=context, database=database, hooks=hooks, clock=clock)
    database.close()
