"""Fields that take their value from the document that a link leads to."""

import pytest

from demitasse.documents import errors
from tests.unit.documents.conftest import SmallSite
from tests.unit.documents.test_insert import ORDER


@pytest.fixture(autouse=True)
def customer(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha", "email": "asha@x.de", "secret": "hunter2"})
    site.make("Customer", {"customer_name": "Ravi", "email": "ravi@x.de", "kind": "Individual"})


def test_a_field_is_fetched_whatever_was_sent_and_follows_its_link(site: SmallSite) -> None:
    order = site.make("Order", {**ORDER, "customer_email": "evil@x.de"})
    changed = site.change("Order", order.name, {"customer": "Ravi"})

    assert (order["customer_email"], changed["customer_email"]) == ("asha@x.de", "ravi@x.de")


def test_a_field_that_is_fetched_only_when_empty_keeps_its_value(site: SmallSite) -> None:
    order = site.make("Order", ORDER)
    own = site.make("Order", {**ORDER, "kind": "Special"})
    changed = site.change("Order", order.name, {"customer": "Ravi"})

    assert (order["kind"], own["kind"], changed["kind"]) == ("Company", "Special", "Company")


def test_a_password_is_never_fetched(site: SmallSite) -> None:
    assert site.make("Order", ORDER)["stolen"] is None


def test_a_link_that_leads_nowhere_is_told_of_as_such(site: SmallSite) -> None:
    with pytest.raises(errors.BrokenLink):
        site.make("Order", {**ORDER, "customer": "Nobody"})


def test_what_submission_has_fixed_is_not_fetched_anew(site: SmallSite) -> None:
    order = site.make("Order", ORDER)
    site.change("Order", order.name, {"docstatus": 1})
    site.change("Customer", "Asha", {"email": "new@x.de"})
    site.change("Order", order.name, {"note": "still allowed"})

    assert site.load("Order", order.name)["customer_email"] == "asha@x.de"
