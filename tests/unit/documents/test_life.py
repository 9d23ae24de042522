"""The life of a document after its birth: saving, submitting, cancelling, deleting, and the events it tells."""

import pytest

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import ADMINISTRATOR_ACTOR, Actor
from demitasse.db.transaction import Transaction
from demitasse.documents import building, errors, operations, store
from demitasse.documents.errors import InvalidTransition
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from tests.unit.documents.conftest import SmallSite
from tests.unit.documents.test_insert import ORDER

OWNER = Actor(user="own@example.com", roles=frozenset({"Owner"}))


@pytest.fixture
def order(site: SmallSite) -> Record:
    site.make("Customer", {"customer_name": "Asha"})
    return site.make("Order", ORDER)


def events(site: SmallSite) -> list[str]:
    return [happening.event for happening in site.journal]


def test_saving_moves_modified_and_keeps_the_rest(site: SmallSite, order: Record) -> None:
    before = site.load("Order", order.name)
    after = site.change("Order", order.name, {"note": "extra napkins"})

    assert after["modified"] > before["modified"]
    assert (after["creation"], after["owner"]) == (before["creation"], before["owner"])
    assert [row.name for row in after.rows("rows")] == [row.name for row in before.rows("rows")]


def test_a_stale_document_is_refused_and_nothing_is_written(site: SmallSite, order: Record) -> None:
    stale = site.load("Order", order.name)["modified"]
    site.change("Order", order.name, {"note": "first"})

    with pytest.raises(errors.StaleDocument, match="has been modified after you have opened it"):
        site.change("Order", order.name, {"note": "second", "modified": stale})

    assert site.load("Order", order.name)["note"] == "first"


def test_rows_are_kept_by_name_changed_added_and_removed(site: SmallSite, order: Record) -> None:
    first, second = site.load("Order", order.name).rows("rows")
    site.change("Order", order.name, {"rows": [{"name": second.name, "item": "cup", "qty": 7}, {"item": "spoon"}]})
    rows = site.load("Order", order.name).rows("rows")

    assert [(row["item"], row["qty"], row["idx"]) for row in rows] == [("cup", 7.0, 1), ("spoon", 1.0, 2)]
    assert rows[0].name == second.name
    assert rows[0]["creation"] == second["creation"]
    assert first.name not in {row.name for row in rows}


def test_a_row_of_another_document_cannot_be_taken(site: SmallSite, order: Record) -> None:
    other = site.make("Order", ORDER)
    stolen = site.load("Order", other.name).rows("rows")[0].name
    site.change("Order", order.name, {"rows": [{"name": stolen, "item": "mine"}]})

    assert site.load("Order", other.name).rows("rows")[0].name == stolen


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ((2,), "from 0 .Draft. to 2"),
        ((1, 0), "from 1 .Submitted. to 0"),
        ((1, 2, 2), "Cannot edit cancelled"),
        ((3,), "0, 1 or 2"),
    ],
)
def test_the_status_goes_only_forward(site: SmallSite, order: Record, path: tuple[int, ...], message: str) -> None:
    for status in path[:-1]:
        site.change("Order", order.name, {"docstatus": status})

    with pytest.raises(errors.DocumentError, match=message):
        site.change("Order", order.name, {"docstatus": path[-1]})


def test_what_is_not_submittable_cannot_be_submitted(site: SmallSite) -> None:
    with pytest.raises(errors.InvalidTransition, match="not a submittable"):
        site.make("Customer", {"customer_name": "A", "docstatus": 1})


def test_after_submission_only_allowed_fields_change(site: SmallSite, order: Record) -> None:
    site.change("Order", order.name, {"docstatus": 1})
    with pytest.raises(errors.ChangedAfterSubmit, match="Total"):
        site.change("Order", order.name, {"total": 5})
    with pytest.raises(errors.ChangedAfterSubmit, match="Rows"):
        site.change("Order", order.name, {"rows": [{"item": "other"}]})

    assert site.change("Order", order.name, {"note": "ok"})["note"] == "ok"
    assert events(site) == ["on_update_after_submit", "on_change"]


def test_a_set_once_field_stays(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "A"})
    site.change("Customer", "A", {"code": "C1"})

    with pytest.raises(errors.FixedField, match="only once"):
        site.change("Customer", "A", {"code": "C2"})


def test_each_step_tells_its_events(site: SmallSite, order: Record) -> None:
    told = [events(site)]
    for values in ({"note": "x"}, {"docstatus": 1}, {"docstatus": 2}):
        site.change("Order", order.name, values)
        told.append(events(site))
    site.remove("Order", order.name)
    told.append(events(site))

    assert told == [
        ["after_insert", "on_update", "on_change"],
        ["on_update", "on_change"],
        ["on_update", "on_submit", "on_change"],
        ["on_cancel", "on_change"],
        ["on_trash"],
    ]


def test_hooks_run_in_frappe_s_order(site: SmallSite) -> None:
    ran: list[str] = []

    def note(event: str) -> Handler:
        return lambda record, tx, actor: ran.append(event)

    events = ("before_insert", "before_validate", "validate", "before_save", "after_insert", "on_update", "on_change")
    site.hooks.by_doctype["Customer"] = {event: note(event) for event in events}
    site.make("Customer", {"customer_name": "A"})
    inserted = ran.copy()
    ran.clear()
    site.change("Customer", "A", {"email": "a@b.de"})

    assert inserted == [
        "before_insert", "before_validate", "validate", "before_save", "after_insert", "on_update", "on_change",
    ]  # fmt: skip
    assert ran == ["before_validate", "validate", "before_save", "on_update", "on_change"]


def test_what_a_hook_sets_is_converted_and_checked(site: SmallSite) -> None:
    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        record["since"] = "2026-02-03"
        record["kind"] = record["website"] or "Company"

    site.hooks.by_doctype["Customer"] = {"validate": validate}
    site.make("Customer", {"customer_name": "A"})

    assert str(site.load("Customer", "A")["since"]) == "2026-02-03"
    with pytest.raises(errors.InvalidFieldValue):
        site.make("Customer", {"customer_name": "B", "website": "https://x.de"})


def test_a_linked_document_cannot_be_deleted_until_the_link_is_gone(site: SmallSite, order: Record) -> None:
    with pytest.raises(errors.LinkedElsewhere, match=order.name):
        site.remove("Customer", "Asha")
    site.remove("Order", order.name)
    site.remove("Customer", "Asha")

    assert (site.count("Customer"), site.count("Order Row")) == (0, 0)


def test_a_submitted_document_cannot_be_deleted(site: SmallSite, order: Record) -> None:
    site.change("Order", order.name, {"docstatus": 1})

    with pytest.raises(errors.DocumentError, match="cannot be deleted"):
        site.remove("Order", order.name)


def test_an_amendment_counts_on_from_its_origin(site: SmallSite, order: Record) -> None:
    site.change("Order", order.name, {"docstatus": 1})
    site.change("Order", order.name, {"docstatus": 2})
    first = site.make("Order", {**ORDER, "amended_from": order.name})
    site.change("Order", first.name, {"docstatus": 1})
    site.change("Order", first.name, {"docstatus": 2})
    second = site.make("Order", {**ORDER, "amended_from": first.name})

    assert (first.name, second.name) == (f"{order.name}-1", f"{order.name}-2")


@pytest.mark.parametrize("statuses", [(), (1,)])
def test_what_is_in_force_cannot_be_amended(site: SmallSite, order: Record, statuses: tuple[int, ...]) -> None:
    for status in statuses:
        site.change("Order", order.name, {"docstatus": status})
    with pytest.raises(InvalidTransition, match="not cancelled"):
        site.make("Order", {**ORDER, "amended_from": order.name})


def test_who_owns_it_may_and_who_does_not_may_not(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "mine"}, actor=OWNER)
    site.make("Customer", {"customer_name": "other"})

    assert site.change("Customer", "mine", {"email": "a@b.de"}, actor=OWNER)["email"] == "a@b.de"
    with pytest.raises(NotPermitted, match="does not have access to this document"):
        site.change("Customer", "other", {"email": "a@b.de"}, actor=OWNER)


def test_setting_columns_moves_modified_and_tells_on_change(site: SmallSite, order: Record) -> None:
    before = site.load("Order", order.name)["modified"]
    meta = site.context.registry.get("Order")

    def work(tx: Transaction) -> None:
        operations.set_values(site.context, tx, meta, order.name, {"note": "n"}, actor=ADMINISTRATOR_ACTOR)

    site.run(work)

    assert site.load("Order", order.name)["modified"] > before
    assert events(site) == ["on_change"]


def test_a_mask_sent_back_leaves_the_password_as_it_was(site: SmallSite) -> None:
    site.make("Customer", {"customer_name": "A", "secret": "hunter2"})
    site.change("Customer", "A", {"secret": "********", "email": "a@b.de"})
    tx = site.database.read()
    clear = store.read_secret(site.context, tx, site.context.registry.get("Customer"), "A", "secret")
    tx.rollback()

    assert clear == "hunter2"


def test_snapshots_in_the_journal_do_not_change_later(site: SmallSite) -> None:
    meta = site.context.registry.get("Customer")

    def work(tx: Transaction) -> list[str]:
        record = building.new_record(site.context, meta, {"customer_name": "A", "email": "a@b.de"})
        operations.insert(site.context, tx, record, actor=ADMINISTRATOR_ACTOR)
        record["email"] = "c@d.de"
        operations.save(site.context, tx, record, actor=ADMINISTRATOR_ACTOR)
        return [happening.record["email"] for happening in tx.journal]

    assert site.run(work) == ["a@b.de"] * 3 + ["c@d.de"] * 2
