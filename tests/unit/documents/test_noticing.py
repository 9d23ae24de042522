"""What those who watch documents are told, of this process's changes and of others'."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from demitasse.app.push_messages import notices_of
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.documents import operations, store
from demitasse.documents.foreign import ForeignChanges
from demitasse.documents.noticing import AnyOf, Change, Kind, Noticing
from demitasse.documents.renaming import rename
from tests.unit.documents.conftest import SmallSite


@pytest.fixture
def told(site: SmallSite) -> list[Change]:
    """What a watcher of customers is told, from now on."""
    noticing, told = Noticing(), list[Change]()
    noticing.watches = lambda doctype: doctype == "Customer"
    noticing.on_changes = told.extend
    site.database.before_commit = lambda tx: noticing.collect(site.context, tx)
    return told


def ada(**more: Any) -> dict[str, Any]:
    return {"customer_name": "Ada", **more}


def test_each_change_is_told_once_and_after_its_commit(site: SmallSite, told: list[Change]) -> None:
    record = site.make("Customer", ada())
    site.change("Customer", "Ada", {"phone": "1"})
    site.remove("Customer", "Ada")
    assert [(change.name, change.kind) for change in told] == [
        ("Ada", Kind.INSERT),
        ("Ada", Kind.UPDATE),
        ("Ada", Kind.DELETE),
    ]
    assert told[0].modified == record.modified
    assert {(change.owner, change.user) for change in told} == {("Administrator", "Administrator")}


def test_what_is_rolled_back_is_not_told(site: SmallSite, told: list[Change]) -> None:
    def work(tx: Transaction) -> None:
        store.set_columns(site.context, tx, site.context.registry.get("Customer"), "Ada", {"phone": "2"})
        operations.set_values(
            site.context, tx, site.context.registry.get("Customer"), "Ada", {"phone": "2"}, actor=ADMINISTRATOR_ACTOR
        )
        raise RuntimeError

    site.make("Customer", ada())
    told.clear()
    with pytest.raises(RuntimeError):
        site.run(work)
    assert told == []


def test_columns_that_are_set_are_told_with_the_owner_of_the_document(site: SmallSite, told: list[Change]) -> None:
    site.make("Customer", ada())
    doctype = site.context.registry.get("Customer")
    site.run(
        lambda tx: operations.set_values(site.context, tx, doctype, "Ada", {"phone": "3"}, actor=ADMINISTRATOR_ACTOR)
    )
    assert (told[-1].kind, told[-1].owner) == (Kind.UPDATE, "Administrator")
    assert told[-1].modified == site.load("Customer", "Ada").modified


def test_several_changes_in_a_transaction_are_one(site: SmallSite, told: list[Change]) -> None:
    def work(tx: Transaction) -> None:
        doctype = site.context.registry.get("Customer")
        for phone in "45":
            operations.set_values(site.context, tx, doctype, "Ada", {"phone": phone}, actor=ADMINISTRATOR_ACTOR)
        operations.delete(site.context, tx, store.load(site.context, tx, doctype, "Ada"), actor=ADMINISTRATOR_ACTOR)

    site.make("Customer", ada())
    told.clear()
    site.run(work)
    assert [change.kind for change in told] == [Kind.DELETE]


def test_a_renamed_document_is_told_with_the_name_it_had(site: SmallSite, told: list[Change]) -> None:
    registry = site.context.registry
    customer = registry.get("Customer")
    registry.register(replace(customer, definition={**customer.definition, "allow_rename": 1}))
    site.make("Customer", ada())
    told.clear()
    site.run(
        lambda tx: rename(
            site.context,
            tx,
            store.load(site.context, tx, registry.get("Customer"), "Ada"),
            "Eve",
            actor=ADMINISTRATOR_ACTOR,
        )
    )
    assert [(change.name, change.former_name, change.kind) for change in told] == [("Eve", "Ada", Kind.RENAME)]
    topics = {message.topic for message in notices_of(told[0], zone=UTC, has_rules=False)}
    assert topics == {"doctype:Customer", "doc:Customer/Eve", "doc:Customer/Ada"}


def test_nothing_is_kept_for_doctypes_that_nobody_watches() -> None:
    noticing = Noticing()
    assert not noticing.wants("Customer", "on_change")
    noticing.watches = lambda doctype: doctype == "Customer"
    assert noticing.wants("Customer", "on_change")
    assert not noticing.wants("Customer", "on_update")
    assert not noticing.wants("Order", "on_change")
    assert AnyOf(Noticing(), noticing).wants("Customer", "on_trash")
    assert not AnyOf(Noticing(), Noticing()).wants("Customer", "on_trash")


class Watcher:
    """Looks as the server does when another process has written."""

    def __init__(self, site: SmallSite, *documents: str) -> None:
        self.site = site
        self.foreign = ForeignChanges()
        self.documents = documents
        self.foreign.watch("Customer", now=site.clock())

    def look(self) -> list[tuple[str, Kind]]:
        now = self.site.clock()
        tx = self.site.database.read()
        try:
            watched = {"Customer": self.documents}
            self.foreign.look(self.site.context, tx, watched)  # A read may be run twice.
            found = self.foreign.look(self.site.context, tx, watched)
        finally:
            tx.rollback()
        return [(change.name, change.kind) for change in self.foreign.news(found, now=now)]


def test_what_another_process_has_changed_is_found_once(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "Before"})
    watcher = Watcher(site)
    site.make("Customer", ada())
    site.change("Customer", "Before", {"phone": "6"})
    assert watcher.look() == [("Ada", Kind.INSERT), ("Before", Kind.UPDATE)]
    assert watcher.look() == []
    site.change("Customer", "Ada", {"phone": "7"})
    assert watcher.look() == [("Ada", Kind.UPDATE)]


def test_what_this_process_has_told_is_no_news(site: SmallSite, told: list[Change]) -> None:
    watcher = Watcher(site, "Ada")
    site.make("Customer", ada())
    watcher.foreign.told(told)
    assert watcher.look() == []
    told.clear()
    site.remove("Customer", "Ada")
    watcher.foreign.told(told)
    assert watcher.look() == []


def test_a_removal_is_found_of_documents_that_are_watched_by_name(site: SmallSite) -> None:
    site.make("Customer", ada())
    site.make("Customer", {"customer_name": "Bob"})
    watcher = Watcher(site, "Ada")
    site.remove("Customer", "Ada")
    site.remove("Customer", "Bob")
    assert watcher.look() == [("Ada", Kind.DELETE)]
    assert watcher.look() == []
    site.make("Customer", ada())
    assert watcher.look() == [("Ada", Kind.INSERT)]
