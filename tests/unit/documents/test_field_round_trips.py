"""Whatever a field takes comes back: from a new document, from the database, from a list, over the wire and in again."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import FIELD_TYPES, MAX_INTEGER
from demitasse.doctypes.model import Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents import building, operations, queries, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record
from demitasse.documents.tables import document_tables
from demitasse.kernel import json
from demitasse.vault.cipher import Vault, new_key
from demitasse.web.wire import Wire
from tests.unit.documents.conftest import Listening, Open, TestClock, TestHooks

KOLKATA = ZoneInfo("Asia/Kolkata")
PARTY = "Party"
OPTIONS = {
    "Link": PARTY,
    "Dynamic Link": "party_type",
    "Select": "Cone\nCup\nTub",
    "Table": "Sample Row",
    "Table MultiSelect": "Sample Choice",
}

# SQLite and JSON keep every character but lone surrogates, which are no characters at all.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=140)
LONG_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=2000)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds, as asked
TIMES = st.timedeltas(timedelta(0), timedelta(days=1) - timedelta.resolution)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: value not in (None, ""))

SHORT = ("Data", "Read Only", "Color", "Autocomplete", "Icon", "Barcode")
LONG = ("Small Text", "Text", "Long Text", "Text Editor", "HTML Editor", "Markdown Editor", "Code", "Attach")
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(SHORT, TEXTS),
    **dict.fromkeys((*LONG, "Attach Image", "Signature", "Geolocation"), LONG_TEXTS),
    "Phone": st.text("0123456789 +-()", max_size=20).filter(lambda text: not text or bool(text.strip())),
    "Link": st.sampled_from(["Asha", "Priya & Söhne", ""]),
    "Dynamic Link": st.sampled_from(["Asha", "Priya & Söhne", ""]),
    "Select": st.sampled_from(["Cone", "Cup", "Tub"]),
    "JSON": JSON,
    "Password": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*"), max_size=140),
    "Int": st.integers(-MAX_INTEGER, MAX_INTEGER),
    "Long Int": st.integers(-MAX_INTEGER, MAX_INTEGER),
    "Check": st.booleans(),
    **dict.fromkeys(("Float", "Currency", "Percent", "Duration"), NUMBERS),
    "Rating": st.floats(0, 1),
    "Date": st.dates(date(1000, 1, 1)),
    "Datetime": MOMENTS,
    "Time": TIMES,
}
TABLES = ("Table", "Table MultiSelect")
LAYOUT = {name for name, kind in FIELD_TYPES.items() if kind.storage is None and not kind.is_table}


def test_every_field_type_is_tried() -> None:
    assert {*VALUES, *TABLES, *LAYOUT} == set(FIELD_TYPES)


def name_of(fieldtype: str) -> str:
    return "a_" + fieldtype.lower().replace(" ", "_")


def fields_of(fieldtypes: Any) -> list[dict[str, Any]]:
    own = [{"fieldname": name_of(kind), "fieldtype": kind, "options": OPTIONS.get(kind)} for kind in fieldtypes]
    return [{"fieldname": "party_type", "fieldtype": "Link", "options": "DocType"}, *own]


DOCTYPES: tuple[dict[str, Any], ...] = (
    {"name": PARTY, "autoname": "prompt", "fields": [{"fieldname": "title", "fieldtype": "Data"}]},
    {"name": "Sample Row", "istable": 1, "fields": fields_of(VALUES)},
    {"name": "Sample Choice", "istable": 1, "fields": fields_of(["Link"])},
    {"name": "Sample", "autoname": "autoincrement", "fields": fields_of([*VALUES, *TABLES])},
    {"name": "Sample Settings", "issingle": 1, "fields": fields_of([*VALUES, *TABLES])},
)


class Samples:
    """Documents with a field of every type, on one database."""

    def __init__(self, path: Path) -> None:
        registry = Registry()
        for source in DOCTYPES:
            registry.register(parse_doctype(source, app="test"))
        self.database = SqliteDatabase(path)
        self.context = DocumentContext(
            registry=registry,
            hooks=TestHooks(),
            observers=Listening(),
            access=Open(),
            vault=Vault(new_key()),
            clock=TestClock(),
            zone=KOLKATA,
            dialect="sqlite",
        )
        self.wire = Wire(KOLKATA)
        tx = self.database.write()
        ensure_tables(tx, document_tables(registry))
        for name in ("Asha", "Priya & Söhne"):
            self.insert(tx, PARTY, {"name": name})
        tx.commit()

    def insert(self, tx: Transaction, doctype: str, values: Mapping[str, Any]) -> Record:
        """Insert a document of values from outside."""
        record = building.new_record(self.context, self.context.registry.get(doctype), values)
        return operations.insert(self.context, tx, record, actor=ADMINISTRATOR_ACTOR)

    def load(self, tx: Transaction, doctype: str, name: str) -> Record:
        """Read a document."""
        found = self.context.registry.get(doctype)
        if found.is_single:
            return store.load_single(self.context, tx, found)
        return store.load(self.context, tx, found, name)

    def listed(self, tx: Transaction, name: str, *, wire: bool) -> dict[str, Any]:
        """Return what a list says of a document."""
        select = queries.select_wire if wire else queries.select
        fields = [name_of(kind) for kind in VALUES]
        doctype = self.context.registry.get("Sample")
        found = select(self.context, tx, doctype, actor=None, fields=fields, filters={"name": name})
        return found.as_dicts()[0]

    def sent(self, record: Record) -> dict[str, Any]:
        """Return a document as a client gets it: through JSON."""
        decoded: dict[str, Any] = json.decode(json.encode(self.wire.document(record)))
        return decoded


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Shared: each example inserts a document of its own, and is rolled back."""
    found = Samples(tmp_path_factory.mktemp("samples") / "site.db")
    yield found
    found.database.close()


def values_of(record: Record) -> dict[str, Any]:
    """Return the values of all types, empty numbers as such; secrets are told apart elsewhere."""
    fields = record.doctype.by_name
    names = [name_of(kind) for kind in VALUES if kind != "Password" and name_of(kind) in fields]
    shown = {name: record.values.get(name) for name in names}
    return {name: fields[name].type.empty if value is None else value for name, value in shown.items()}


def rows_of(record: Record) -> list[dict[str, Any]]:
    return [values_of(row) for _, row in record.children()]


def expected_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be kept, said without the code that keeps it."""
    kept: dict[str, Any] = {}
    for kind in VALUES:
        value = values.get(name_of(kind))
        if kind == "Check":
            value = int(value or 0)
        elif kind in {"Int", "Long Int"}:
            value = value or 0
        elif kind in {"Float", "Currency", "Percent", "Duration", "Rating"}:
            value = value or 0.0
        elif kind == "JSON" and not isinstance(value, str):
            value = json.encode(value).decode()
        elif value == "":
            value = None
        if kind != "Password":
            kept[name_of(kind)] = value
    return kept


def is_json(value: Any) -> bool:
    """Return whether a text, which a JSON field takes for JSON already written, is that."""
    if not isinstance(value, str):
        return True
    try:
        json.decode(value)
    except json.MalformedJson:
        return False
    return True


ROWS = st.fixed_dictionaries({name_of(kind): values for kind, values in VALUES.items()}).filter(
    lambda row: is_json(row["a_json"])
)
DOCUMENTS = st.builds(
    lambda row, rows, links: {
        "party_type": PARTY,
        **row,
        "a_table": [{"party_type": PARTY, **each} for each in rows],
        "a_table_multiselect": [{"party_type": PARTY, "a_link": link} for link in links],
    },
    ROWS,
    st.lists(ROWS, max_size=2),
    st.lists(st.sampled_from(["Asha", "Priya & Söhne"]), max_size=2),
)


@given(values=DOCUMENTS)
def test_what_is_inserted_is_loaded_listed_and_sent(samples: Samples, values: dict[str, Any]) -> None:
    tx = samples.database.write()
    try:
        made = samples.insert(tx, "Sample", values)
        loaded = samples.load(tx, "Sample", made.name)
        expected = expected_of(values)
        assert values_of(made) == values_of(loaded) == expected
        assert [expected_of(row) for row in values["a_table"]] == rows_of(loaded)[: len(values["a_table"])]
        assert [row.values["a_link"] for row in loaded.rows("a_table_multiselect")] == [
            row["a_link"] for row in values["a_table_multiselect"]
        ]
        listed = samples.listed(tx, made.name, wire=False)
        assert {**listed, "a_password": None} == {**expected, "a_password": None}
        shown = samples.sent(loaded)
        in_list = json.decode(json.encode(samples.listed(tx, made.name, wire=True)))
        for name in expected:
            assert normal(in_list[name], name) == normal(shown.get(name), name)
    finally:
        tx.rollback()


@given(values=DOCUMENTS)
def test_what_is_sent_to_a_client_may_come_back(samples: Samples, values: dict[str, Any]) -> None:
    tx = samples.database.write()
    try:
        made = samples.insert(tx, "Sample", values)
        loaded = samples.load(tx, "Sample", made.name)
        shown = samples.sent(loaded)
        for key in ("name", "modified", "creation"):
            shown.pop(key)
        again = samples.load(tx, "Sample", samples.insert(tx, "Sample", without_secrets(shown)).name)
        assert values_of(again) == values_of(loaded)
        assert rows_of(again) == rows_of(loaded)
    finally:
        tx.rollback()


@given(first=DOCUMENTS, second=DOCUMENTS)
def test_what_is_saved_over_another_is_loaded(samples: Samples, first: dict[str, Any], second: dict[str, Any]) -> None:
    tx = samples.database.write()
    try:
        for doctype in ("Sample", "Sample Settings"):
            name = samples.insert(tx, doctype, first).name if doctype == "Sample" else doctype
            record = samples.load(tx, doctype, name)
            building.assign(samples.context, record, second)
            operations.save(samples.context, tx, record, actor=ADMINISTRATOR_ACTOR)
            loaded = samples.load(tx, doctype, name)
            assert values_of(loaded) == expected_of(second)
            assert [expected_of(row) for row in second["a_table"]] == rows_of(loaded)[: len(second["a_table"])]
    finally:
        tx.rollback()


@given(secret=VALUES["Password"].filter(bool))
def test_a_password_is_kept_but_never_shown(samples: Samples, secret: str) -> None:
    tx = samples.database.write()
    try:
        made = samples.insert(tx, "Sample", {"a_password": secret})
        loaded = samples.load(tx, "Sample", made.name)
        assert store.read_secret(samples.context, tx, loaded.doctype, made.name, "a_password") == secret
        shown = (made.values["a_password"], loaded.values["a_password"], samples.sent(loaded)["a_password"])
        assert set(shown) == {store.MASK}
        stored = tx.execute('SELECT "a_password" FROM "tabSample" WHERE "name" = ?', (made.name,))[0][0]
        assert stored != secret
    finally:
        tx.rollback()


def without_secrets(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a sent document without its masks: they mean "as it was", which a new document has nothing for."""
    rows = {"a_table": [{k: v for k, v in row.items() if k != "a_password"} for row in shown["a_table"]]}
    return {**{key: value for key, value in shown.items() if key != "a_password"}, **rows}


def normal(value: Any, name: str) -> Any:
    """Return a value so that numbers compare as numbers: JSON has one kind of them."""
    kind = next(kind for kind in VALUES if name_of(kind) == name)
    if FIELD_TYPES[kind].empty is not None and value is not None:
        assert isinstance(value, int | float)
        assert math.isfinite(value)
        return float(value)
    return value
