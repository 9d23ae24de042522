"""A renamed document is found under its new name everywhere."""

from dataclasses import replace
from typing import Any

import pytest

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import ADMINISTRATOR_ACTOR, Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import errors, renaming, store
from tests.unit.documents.conftest import SmallSite
from tests.unit.documents.test_insert import ORDER

READER = Actor(user="reads@example.com", roles=frozenset({"All"}))


@pytest.fixture(autouse=True)
def _renamable(site: SmallSite) -> None:
    registry = site.context.registry
    for name in ("Customer", "Order"):
        doctype = registry.get(name)
        registry.register(replace(doctype, definition={**doctype.definition, "allow_rename": 1}))


def rename(site: SmallSite, doctype: str, old: str, new: str, *, actor: Actor = ADMINISTRATOR_ACTOR, **how: Any) -> str:
    def work(tx: Transaction) -> str:
        record = store.load(site.context, tx, site.context.registry.get(doctype), old)
        return renaming.rename(site.context, tx, record, new, actor=actor, **how)

    return site.run(work)


def test_links_and_dynamic_links_follow(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    linked = site.make("Order", {**ORDER, "party_type": "Customer", "party": "Asha"}, ignore_links=True).name
    other = site.make("Order", {**ORDER, "party_type": "DocType", "party": "Asha"}, ignore_links=True).name

    assert rename(site, "Customer", "Asha", " Asha K ") == "Asha K"

    assert site.load("Order", linked)["customer"] == "Asha K"
    assert site.load("Order", linked)["party"] == "Asha K"
    assert site.load("Order", other)["party"] == "Asha"


def test_the_field_it_is_named_by_follows(site: SmallSite) -> None:
    before = site.make("Customer", {"customer_name": "Asha", "email": "a@example.com"})
    rename(site, "Customer", "Asha", "Asha K")

    renamed = site.load("Customer", "Asha K")
    assert (renamed["customer_name"], renamed["email"]) == ("Asha K", "a@example.com")
    assert renamed["modified"] > before["modified"]
    assert renamed["creation"] == before["creation"]
    with pytest.raises(errors.DocumentNotFound):
        site.load("Customer", "Asha")


def test_child_rows_stay_with_their_document(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    order = site.make("Order", ORDER)
    rename(site, "Order", order.name, "First")

    rows = site.load("Order", "First").rows("rows")
    assert [row.name for row in rows] == [row.name for row in order.rows("rows")]
    assert {row["parent"] for row in rows} == {"First"}


def test_listeners_are_told_under_the_new_name(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    rename(site, "Customer", "Asha", "Asha K")

    assert [(told.event, told.name) for told in site.journal] == [("after_rename", "Asha K"), ("on_change", "Asha K")]
    before = site.journal[0].before
    assert before is not None
    assert before.name == "Asha"


@pytest.mark.parametrize("new", ["Ravi", "Ravi "])
def test_a_name_that_is_taken_is_refused(site: SmallSite, new: str) -> None:
    for name in ("Asha", "Ravi"):
        site.make("Customer", {"customer_name": name})

    with pytest.raises(errors.DuplicateName):
        rename(site, "Customer", "Asha", new)
    assert site.load("Customer", "Asha")["customer_name"] == "Asha"


@pytest.mark.parametrize("new", ["", "  ", "Asha", "a<b", "x" * 141])
def test_what_cannot_be_the_new_name_is_refused(site: SmallSite, new: str) -> None:
    site.make("Customer", {"customer_name": "Asha"})

    with pytest.raises(errors.InvalidName):
        rename(site, "Customer", "Asha", new)


def test_a_doctype_that_does_not_allow_it_keeps_its_names(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})
    doctype = site.context.registry.get("Customer")
    site.context.registry.register(replace(doctype, definition={}))

    with pytest.raises(errors.InvalidName, match="not allowed to be renamed"):
        rename(site, "Customer", "Asha", "Asha K")


def test_who_may_not_write_may_not_rename(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})

    with pytest.raises(NotPermitted):
        rename(site, "Customer", "Asha", "Asha K", actor=READER)
    assert site.load("Customer", "Asha")["customer_name"] == "Asha"


def test_merging_sends_links_to_the_other_document(site: SmallSite) -> None:
    for name in ("Asha", "Ravi"):
        site.make("Customer", {"customer_name": name})
    order = site.make("Order", ORDER).name

    assert rename(site, "Customer", "Asha", "Ravi", merges=True) == "Ravi"

    assert site.load("Order", order)["customer"] == "Ravi"
    assert site.load("Customer", "Ravi")["customer_name"] == "Ravi"
    assert site.count("Customer") == 1


def test_merging_into_nothing_is_refused(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Asha"})

    with pytest.raises(errors.DocumentNotFound):
        rename(site, "Customer", "Asha", "Nobody", merges=True)
    assert site.count("Customer") == 1
