"""A document as conditions and templates see it."""

import copy
import pickle
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from demitasse.events.errors import UnknownField
from demitasse.events.view import DocumentView
from tests.unit.events.orders import ORDER, order, row


def test_an_attribute_and_an_item_are_the_value_of_a_field() -> None:
    doc = order(customer="Grace")
    assert doc.customer == doc["customer"] == "Grace"


def test_a_known_field_without_a_value_is_none() -> None:
    assert order().owner is None


def test_an_unknown_field_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(UnknownField, match=r"Order has no field 'custmer'; did you mean 'customer'\?") as refused:
        _ = order().custmer
    assert refused.value.data == {"doctype": "Order", "field": "custmer"}


def test_an_unknown_field_has_no_suggestion_where_nothing_is_near() -> None:
    with pytest.raises(UnknownField, match=r"Order has no field 'xyzzy'$"):
        _ = order()["xyzzy"]


def test_an_alias_gives_the_value_of_its_field() -> None:
    assert order(customer="Grace").party == "Grace"


def test_a_field_may_have_the_name_of_a_method_of_dictionaries() -> None:
    assert [line.item for line in order().items] == ["Vanilla", "Mango"]


def test_the_doctype_is_an_attribute() -> None:
    assert order().doctype == "Order"


def test_moments_are_naive_and_in_the_time_of_the_site() -> None:
    expected = datetime(2026, 4, 1, 1, 30)  # noqa: DTZ001 - the site's time is naive
    doc = order()
    assert doc.creation == doc.get("creation") == doc.as_dict()["creation"] == expected


def test_a_site_may_keep_utc() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    doc = DocumentView({"creation": moment}, fields=ORDER)
    assert doc.creation == moment.replace(tzinfo=None)


def test_it_cannot_be_changed() -> None:
    doc: Any = order()
    with pytest.raises(AttributeError):
        doc.customer = "Grace"


def test_it_is_no_list() -> None:
    doc: Any = order()
    assert not isinstance(doc, Iterable)


def test_it_knows_which_fields_there_are() -> None:
    doc = order()
    assert "customer" in doc
    assert "party" in doc
    assert "nothing" not in doc


def test_get_gives_the_default_for_what_is_empty_or_not_there() -> None:
    doc = order(status=None)
    assert doc.get("status", "Draft") == "Draft"
    assert doc.get("nothing", 5) == 5
    assert doc.get("customer", "Grace") == "Ada"


def test_a_dictionary_of_it_has_columns_then_the_doctype_then_rows() -> None:
    values = order().as_dict()
    assert list(values)[-2:] == ["doctype", "items"]
    assert values["items"][1] == {"item": "Mango", "qty": 0.5, "doctype": "Order Row"}


def test_every_field_of_a_new_document_has_changed() -> None:
    doc = order()
    assert doc.is_new()
    assert doc.has_value_changed("customer")


def test_a_field_has_changed_if_it_differs_from_before() -> None:
    doc = order(order(customer="Ada", status="Draft"), customer="Ada", status="Open")
    assert doc.has_value_changed("status")
    assert not doc.has_value_changed("customer")
    assert not doc.is_new()


def test_rows_have_changed_if_one_of_them_differs() -> None:
    before = order(items=[row("Vanilla", 1.0)])
    assert not order(before, items=[row("Vanilla", 1.0)]).has_value_changed("items")
    assert order(before, items=[row("Vanilla", 2.0)]).has_value_changed("items")


def test_asking_for_a_change_of_an_unknown_field_is_an_error() -> None:
    with pytest.raises(UnknownField):
        order(order()).has_value_changed("nothing")


def test_a_copy_by_pickle_is_the_same_document() -> None:
    doc = order()
    again = pickle.loads(pickle.dumps(copy.copy(doc)))  # noqa: S301 - our own
    assert again.as_dict() == doc.as_dict()


def test_its_text_names_it() -> None:
    assert repr(order()) == "<Order ORD-1>"
