"""Inserting documents: names, defaults, checks, and nothing half done."""

from datetime import UTC, date, datetime

import pytest

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import GUEST_ACTOR, Actor
from demitasse.documents import errors, store
from tests.unit.documents.conftest import SmallSite

SALES = Actor(user="sales@example.com", roles=frozenset({"Sales", "All"}))
ORDER = {"customer": "Asha", "rows": [{"item": "cone"}, {"item": "cup", "qty": 2}]}


def test_a_document_has_its_name_its_defaults_and_who_made_it(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"}, actor=SALES)
    found = site.load("Customer", "Asha")

    assert found.values["owner"] == found.values["modified_by"] == "sales@example.com"
    assert found.values["creation"] == found.values["modified"]
    assert (found["kind"], found["since"], found["docstatus"]) == ("Company", date(2026, 3, 1), 0)


def test_child_rows_are_kept_in_order_with_their_place(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    order = site.make("Order", ORDER)
    rows = site.load("Order", order.name).rows("rows")

    assert [(row["item"], row["qty"], row["idx"], row["parent"]) for row in rows] == [
        ("cone", 1.0, 1, order.name),
        ("cup", 2.0, 2, order.name),
    ]


def test_what_the_server_sets_cannot_be_sent(site: SmallSite) -> None:
    made = site.make("Customer", {"customer_name": "A", "owner": "evil", "creation": "2001-01-01", "idx": 9})

    assert (made["owner"], made["idx"]) == ("Administrator", 0)
    assert made["creation"].year == 2026


def test_unknown_fields_are_dropped_and_named(site: SmallSite) -> None:
    made = site.make("Customer", {"customer_name": "A", "nosuch": 1})

    assert made.unknown == ("nosuch",)


def test_an_alias_sets_the_field(site: SmallSite) -> None:
    made = site.make("Customer", {"customer_name": "A", "type": "Individual"})

    assert made["kind"] == "Individual"


def test_a_naming_series_counts_per_prefix_and_gives_numbers_back(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    first = site.make("Order", ORDER).name
    with pytest.raises(errors.BrokenLink):
        site.make("Order", {**ORDER, "customer": "Nobody"})
    second = site.make("Order", ORDER).name
    other = site.make("Order", {**ORDER, "naming_series": "RET-.###"}).name

    assert (first, second, other) == ("ORD-2026-00001", "ORD-2026-00002", "RET-001")


def test_a_second_document_of_the_same_name_is_refused(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})

    with pytest.raises(errors.DuplicateName, match="already exists"):
        site.make("Customer", {"customer_name": "Asha"})


def test_a_unique_field_is_unique_and_named(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "A", "tax_id": "1"})
    site.make("Customer", {"customer_name": "B"})
    site.make("Customer", {"customer_name": "C"})

    with pytest.raises(errors.DuplicateValue, match="Tax Id must be unique"):
        site.make("Customer", {"customer_name": "D", "tax_id": "1"})


def test_every_missing_field_is_named_also_in_rows(site: SmallSite) -> None:
    with pytest.raises(errors.MandatoryMissing) as caught:
        site.make("Order", {"rows": [{"qty": 1}]})

    assert caught.value.data["messages"] == [
        "Error: Value missing for Order: Customer",
        "Error: <strong>Order Row</strong> Row #1: Value missing for: Item",
    ]


def test_an_empty_mandatory_table_is_missing(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})

    with pytest.raises(errors.MandatoryMissing, match="rows"):
        site.make("Order", {"customer": "Asha", "rows": []})


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"email": "not-an-email"}, errors.InvalidEmail),
        ({"phone": "abc!"}, errors.InvalidPhone),
        ({"website": "no url"}, errors.InvalidUrl),
        ({"kind": "Wrong"}, errors.InvalidFieldValue),
        ({"customer_name": "x" * 141}, errors.InvalidName),
        ({"email": "a@" + "x" * 140 + ".de"}, errors.TextTooLong),
        ({"credit_limit": "abc"}, errors.InvalidFieldValue),
        ({"credit_limit": float("nan")}, errors.InvalidFieldValue),
        ({"since": "31-31-2025"}, errors.InvalidFieldValue),
        ({"customer_name": "a<b"}, errors.InvalidName),
        ({"customer_name": ""}, errors.InvalidName),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    site: SmallSite, values: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        site.make("Customer", {"customer_name": "A", **values})

    assert site.count("Customer") == 0


def test_a_dynamic_link_needs_its_type_and_its_target(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    with pytest.raises(errors.DocumentError, match="must be set first"):
        site.make("Order", {**ORDER, "party": "Asha"})
    with pytest.raises(errors.BrokenLink, match="Party: Nobody"):
        site.make("Order", {**ORDER, "party_type": "Customer", "party": "Nobody"})

    assert site.make("Order", {**ORDER, "party_type": "Customer", "party": "Asha"})["party"] == "Asha"


def test_who_has_no_role_for_it_may_not_create(site: SmallSite) -> None:
    with pytest.raises(NotPermitted, match="Guest"):
        site.make("Customer", {"customer_name": "A"}, actor=GUEST_ACTOR)

    assert site.make("Customer", {"customer_name": "A"}, actor=GUEST_ACTOR, ignore_permissions=True).name == "A"


def test_a_field_above_the_actor_s_level_is_not_taken_from_it(site: SmallSite) -> None:
    made = site.make("Customer", {"customer_name": "A", "credit_limit": 5}, actor=SALES)

    assert not made["credit_limit"]


def test_a_password_is_stored_encrypted_and_shown_masked(site: SmallSite) -> None:
    made = site.make("Customer", {"customer_name": "A", "secret": "hunter2"})
    tx = site.database.read()
    stored = tx.execute('SELECT "secret" FROM "tabCustomer"')[0][0]
    clear = store.read_secret(site.context, tx, site.context.registry.get("Customer"), "A", "secret")
    tx.rollback()

    assert "hunter2" not in stored
    assert made["secret"] == "*" * 8
    assert (clear, site.load("Customer", "A")["secret"]) == ("hunter2", "*" * 8)


def test_a_naive_moment_is_taken_in_the_site_s_zone_and_kept_in_utc(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    order = site.make("Order", {**ORDER, "due_at": "2026-05-01 10:30:00"})

    assert site.load("Order", order.name)["due_at"] == datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
