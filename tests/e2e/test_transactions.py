"""What a transaction takes back takes its webhooks with it; what it keeps is told once, as it is at the end."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.receiver import Receiver
from tests.e2e.site import Client
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, rows, unique

TEMPLATE = '{"document": "{{ doc.name }}", "lead": "{{ doc.lead_name }}", "company": "{{ doc.company_name }}"}'
END = "the end"


class Listening:
    """Webhooks on new and changed Leads and on Customers, and what their receiver heard."""

    def __init__(self, admin: Client, receiver: Receiver) -> None:
        self._admin = admin
        self._receiver = receiver
        self.webhooks = [
            add_webhook(admin, receiver.url("/inserted"), webhook_json=TEMPLATE),
            add_webhook(admin, receiver.url("/updated"), webhook_json=TEMPLATE, webhook_docevent="on_update"),
            add_webhook(admin, receiver.url("/customer"), webhook_doctype="Customer", webhook_docevent="on_update"),
        ]

    def heard(self) -> list[tuple[str, str, str]]:
        """Return path, lead and company of all that was told, when everything has been told."""
        add_lead(self._admin, lead_name=END)
        wait_for("the end of all deliveries", self._all_delivered)
        told = [(one.path, json.loads(one.body)) for one in self._receiver.arrived()]
        return sorted((path, body["lead"], body["company"]) for path, body in told if body.get("lead") != END)

    def _all_delivered(self) -> bool:
        found = [row for webhook in self.webhooks for row in deliveries(self._admin, webhook)]
        return bool(found) and all(row["status"] == "Delivered" for row in found)

    def end(self) -> None:
        """Switch the webhooks off: the next test has its own."""
        for webhook in self.webhooks:
            assert self._admin.put(f"/api/resource/Webhook/{webhook}", {"enabled": 0}).status == 200


@pytest.fixture
def listening(admin: Client, receiver: Receiver) -> Iterator[Listening]:
    listens = Listening(admin, receiver)
    yield listens
    listens.end()


def call(admin: Client, function: str, *, status: int = 200, **arguments: str) -> None:
    assert admin.call(f"cafe.transactions.{function}", **arguments).status == status


def leads(admin: Client, *names: str) -> set[str]:
    """Return those names that a stored Lead has."""
    return {row["lead_name"] for row in rows(admin, "Lead", lead_name=["in", list(names)])}


def test_a_committed_save_is_told(admin: Client, listening: Listening) -> None:
    lead = unique("Mara")
    call(admin, "save", lead_name=lead)
    assert leads(admin, lead) == {lead}
    assert listening.heard() == [("/inserted", lead, ""), ("/updated", lead, "")]


def test_a_rollback_leaves_no_webhook(admin: Client, listening: Listening) -> None:
    lead = unique("Mara")
    call(admin, "save_then_roll_back", lead_name=lead)
    assert leads(admin, lead) == set()
    assert listening.heard() == []


@pytest.mark.parametrize(("function", "status"), [("save_then_fail", 500), ("save_then_throw", 417)])
def test_an_exception_leaves_no_webhook(admin: Client, listening: Listening, function: str, status: int) -> None:
    lead = unique("Mara")
    call(admin, function, status=status, lead_name=lead)
    assert leads(admin, lead) == set()
    assert listening.heard() == []


def test_a_savepoint_that_is_rolled_back_takes_only_its_own_webhooks(admin: Client, listening: Listening) -> None:
    kept, undone = unique("Kept"), unique("Undone")
    call(admin, "keep_one_undo_one", kept=kept, undone=undone)
    assert leads(admin, kept, undone) == {kept}
    assert listening.heard() == [("/inserted", kept, ""), ("/updated", kept, "")]


def test_a_change_in_a_savepoint_that_is_rolled_back_is_not_told(admin: Client, listening: Listening) -> None:
    lead = unique("Mara")
    call(admin, "undo_a_change", lead_name=lead)
    assert rows(admin, "Lead", lead_name=lead)[0]["company_name"] is None
    assert listening.heard() == [("/inserted", lead, ""), ("/updated", lead, "")]


def test_two_saves_in_one_transaction_are_told_once_as_the_last_left_it(admin: Client, listening: Listening) -> None:
    lead = unique("Mara")
    call(admin, "save_twice", lead_name=lead, last_company="Last Ltd")
    assert listening.heard() == [("/inserted", lead, "Last Ltd"), ("/updated", lead, "Last Ltd")]


def test_what_was_committed_before_a_failure_is_told(admin: Client, listening: Listening) -> None:
    first, second = unique("First"), unique("Second")
    call(admin, "commit_between", status=500, first=first, second=second)
    assert leads(admin, first, second) == {first}
    assert listening.heard() == [("/inserted", first, ""), ("/updated", first, "")]


@pytest.mark.parametrize(("name", "status"), [("Doomed", 500), ("Forbidden", 417)])
def test_an_app_that_refuses_a_document_leaves_no_webhook(
    admin: Client, listening: Listening, name: str, status: int
) -> None:
    answer = admin.post("/api/resource/Customer", {"customer_name": name})
    assert answer.status == status, answer.text
    assert rows(admin, "Customer", customer_name=name) == []
    assert listening.heard() == []


def test_a_refused_save_over_rest_leaves_no_webhook(admin: Client, listening: Listening) -> None:
    lead = unique("Mara")
    assert admin.post("/api/resource/Lead", {"lead_name": lead, "status": "No Such Status"}).status == 417
    assert leads(admin, lead) == set()
    assert listening.heard() == []
