"""Looking through deliveries: what is found is what matches, newest first, each once, whatever the path."""

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from demitasse.db.schema import ColumnSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.outbox import browsing
from demitasse.outbox.filtering import Filters
from demitasse.outbox.model import DeliveryState
from demitasse.outbox.operations import enqueue
from tests.unit.outbox.site import DELIVERY, NOW, new_delivery, writing

WEBHOOK = TableSpec(
    name="tabWebhook",
    columns=(
        ColumnSpec(name="name", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="request_url", storage=Storage.LONG_TEXT),
    ),
    primary_key=("name",),
)
CODES = {DeliveryState.DELIVERED: (200, 201), DeliveryState.FAILED: (404, 500), DeliveryState.RETRYING: (503, 0)}
STATES = list(DeliveryState)
FILTERS: dict[str, dict[str, Any]] = {
    "everything": {},
    "a state": {"states": frozenset({DeliveryState.FAILED})},
    "several states": {"states": frozenset({DeliveryState.FAILED, DeliveryState.HELD})},
    "a webhook": {"webhook": "w1"},
    "a webhook in a state": {"webhook": "w1", "states": frozenset({DeliveryState.RETRYING})},
    "a doctype": {"doctype": "Lead"},
    "a rare doctype": {"doctype": "Sales Order"},
    "a document": {"doctype": "Lead", "document": "D-3"},
    "a document of a webhook": {"doctype": "Lead", "document": "D-3", "webhook": "w2"},
    "a document's name": {"document": "D-3"},
    "a code": {"codes": (404, 404)},
    "a class of codes": {"codes": (500, 599)},
    "a success": {"codes": (201, 201)},
    "no answer": {"codes": (0, 0)},
    "a time": {"since": NOW + timedelta(seconds=20), "until": NOW + timedelta(seconds=60)},
    "a time of a webhook": {
        "webhook": "w0",
        "since": NOW + timedelta(seconds=20),
        "until": NOW + timedelta(seconds=60),
    },
    "a body": {"text": "Needle"},
    "a webhook's url": {"text": "w2.example"},
    "a wildcard is no wildcard": {"text": "100%"},
    "a state that no such code has": {"codes": (500, 500), "states": frozenset({DeliveryState.DELIVERED})},
}


def fill(tx: Transaction, *, count: int, seed: int = 7) -> list[dict[str, Any]]:
    """Write deliveries, several at the same moment, and return what was written, newest first."""
    chance = random.Random(seed)
    ensure_tables(tx, [WEBHOOK])
    for number in range(3):
        url = f"https://w{number}.example.com/hook"
        tx.run('INSERT INTO "tabWebhook" ("name", "request_url") VALUES (?, ?)', (f"w{number}", url))
    made = []
    for number in range(count):
        at = NOW + timedelta(seconds=number // 3)
        state = chance.choice(STATES)
        webhook = f"w{chance.randrange(3)}"
        doctype = "Sales Order" if number % 97 == 5 else chance.choice(["Lead", "Customer"])
        document = f"D-{chance.randrange(9)}"
        text = "a needle in it" if number % 41 == 3 else "100% hay" if number % 53 == 1 else "hay"
        new = new_delivery(
            number, webhook=webhook, doctype=doctype, document=document, body=b'{"t":"%b"}' % text.encode()
        )
        name = enqueue(tx, new, now=at).name
        code = chance.choice(CODES.get(state, (0,)))
        tx.run(f'UPDATE "{DELIVERY}" SET "status" = ?, "status_code" = ? WHERE "name" = ?', (state.value, code, name))
        made.append(
            {
                "name": name,
                "creation": at,
                "state": state,
                "webhook": webhook,
                "doctype": doctype,
                "document": document,
                "code": code,
                "text": text,
            }
        )
    return sorted(made, key=lambda row: (row["creation"], row["name"]), reverse=True)


def is_meant(row: dict[str, Any], asked: Filters) -> bool:
    """Return whether a row matches: the oracle, without SQL."""
    words = f"{row['name']} {row['document']} https://{row['webhook']}.example.com/hook {row['text']}".lower()
    return (
        (not asked.states or row["state"] in asked.states)
        and asked.webhook in {None, row["webhook"]}
        and asked.doctype in {None, row["doctype"]}
        and asked.document in {None, row["document"]}
        and (asked.codes is None or asked.codes[0] <= row["code"] <= asked.codes[1])
        and (asked.since is None or row["creation"] >= asked.since)
        and (asked.until is None or row["creation"] <= asked.until)
        and (asked.text is None or asked.text.lower() in words)
    )


def walked(tx: Transaction, asked: Filters, *, limit: int, **how: Any) -> list[str]:
    """Return the names on all pages, one after the other."""
    names: list[str] = []
    after = None
    for _ in range(2_000):
        page = browsing.find(tx, asked, after=after, limit=limit, **{"budget_s": 10.0, **how})
        assert len(page.rows) <= limit
        names += [row["name"] for row in page.rows]
        after = page.following
        if after is None:
            return names
    message = "the pages do not end"
    raise AssertionError(message)


@pytest.mark.parametrize("values", FILTERS.values(), ids=FILTERS.keys())
def test_pages_show_what_matches_newest_first_each_once(database: SqliteDatabase, values: dict[str, Any]) -> None:
    asked = Filters(**values)
    with writing(database) as tx:
        rows = fill(tx, count=400)
        expected = [row["name"] for row in rows if is_meant(row, asked)]
        assert walked(tx, asked, limit=7) == expected
        assert walked(tx, asked, limit=200) == expected


def test_windows_do_not_lose_or_repeat_what_lies_at_their_edge(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        rows = fill(tx, count=200)
        for asked in (Filters(text="needle"), Filters(codes=(201, 201)), Filters(doctype="Lead", webhook="w1")):
            expected = [row["name"] for row in rows if is_meant(row, asked)]
            # Without time it stops after each window, and is asked to go on.
            assert walked(tx, asked, limit=3, budget_s=0.0, window=5) == expected


def test_a_search_that_takes_long_says_how_far_back_it_has_looked(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        fill(tx, count=200)
        page = browsing.find(tx, Filters(text="nowhere"), after=None, limit=10, budget_s=0.0, window=10)
    assert page.rows == []
    assert page.looked_back_to is not None
    assert NOW < page.looked_back_to < NOW + timedelta(seconds=67)
    assert page.following == (page.looked_back_to, "")


def test_an_id_is_found_at_once(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        rows = fill(tx, count=50)
        name = rows[-1]["name"]
        page = browsing.find(tx, Filters(text=name), after=None, limit=10, budget_s=0.0)
    assert [row["name"] for row in page.rows] == [name]
    assert page.following is None


def test_moments_come_back_aware(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        fill(tx, count=3)
        (row, *_) = browsing.find(tx, Filters(), after=None, limit=1).rows
    assert isinstance(row["creation"], datetime)
    assert row["creation"].tzinfo is not None


def test_states_are_counted_up_to_a_limit(database: SqliteDatabase) -> None:
    with writing(database) as tx:
        rows = fill(tx, count=60)
        counted = browsing.tallies(tx, most=1_000)
        capped = browsing.tallies(tx, most=2)
    for state, group in itertools.groupby(
        sorted(rows, key=lambda row: row["state"].value), key=lambda row: row["state"]
    ):
        many = len(list(group))
        assert (counted[state.value], capped[state.value]) == (many, min(many, 3))


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        ('"webhook" = ?', "webhook_creation"),
        ('"status" = ?', "status_creation"),
        ('"reference_doctype" = ? AND "reference_document" = ?', "reference_doctype_reference_docum"),
    ],
)
def test_every_path_has_its_index(database: SqliteDatabase, sql: str, index: str) -> None:
    with writing(database) as tx:
        params = ("x",) * sql.count("?")
        plan = tx.execute(
            f'EXPLAIN QUERY PLAN SELECT "name", "data" FROM "{DELIVERY}" WHERE {sql} AND "creation" <= ? '
            'AND ("creation" < ? OR "name" < ?) ORDER BY "creation" DESC, "name" DESC LIMIT 5',
            (*params, "2026", "2026", "msg"),
        )
    assert index in str(plan), plan
    assert "SCAN" not in str(plan), plan
