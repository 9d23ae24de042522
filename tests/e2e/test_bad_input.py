"""Whatever is sent, the answer is a JSON error in Frappe's envelope with the right status, and nothing is written."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.e2e.receiver import Receiver
from tests.e2e.site import Answer, Client, ServedSite
from tests.e2e.webhooks import add_webhook, deliveries, rows

WATCHED = ("Lead", "Item", "Item Group", "Customer", "Sales Order", "User", "Webhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A request that must be refused."""

    status: int
    exc_type: str
    method: str = "POST"
    path: str = "/api/resource/Lead"
    json: Any = None
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    as_guest: bool = False


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ITEM = {"item_code": "NEW", "item_group": "Products"}
ORDER = {"customer": "Globex", "items": [{"item_code": "ITEM-00001", "qty": 1}]}
ROW = {"item_code": "ITEM-00001", "qty": 1}

MALFORMED = {
    "cut off": b'{"lead_name": "x", ',
    "no JSON": b"{bad",
    "two values": b'{"lead_name": "x"} {"lead_name": "y"}',
    "trailing comma": b'{"lead_name": "x",}',
    "single quotes": b"{'lead_name': 'x'}",
    "broken UTF-8": b'{"lead_name": "\xff\xfe"}',
    "NaN": b'{"lead_name": "x", "phone": NaN}',
    "infinity": b'{"lead_name": "x", "phone": Infinity}',
    "deep": b"[" * 100_000,
}
NO_DOCUMENT = {"array": b"[1, 2]", "string": b'"abc"', "number": b"5", "null": b"null", "true": b"true"}

CASES: dict[str, Bad] = {
    **{
        f"malformed, {name}": Bad(status=400, exc_type="JSONDecodeError", body=body, headers=JSON)
        for name, body in MALFORMED.items()
    },
    **{
        f"malformed update, {name}": Bad(
            status=400,
            exc_type="JSONDecodeError",
            body=body,
            headers=JSON,
            method="PUT",
            path="/api/resource/Item/ITEM-00001",
        )
        for name, body in MALFORMED.items()
    },
    **{
        f"no document: {name}": Bad(status=417, exc_type="ValidationError", body=body, headers=JSON)
        for name, body in NO_DOCUMENT.items()
    },
    "malformed data of a form": Bad(status=400, exc_type="JSONDecodeError", body=b"data=%7Bbad", headers=FORM),
    "unknown DocType, list": Bad(status=404, exc_type="DoesNotExistError", method="GET", path="/api/resource/Nope"),
    "unknown DocType, one": Bad(status=404, exc_type="DoesNotExistError", method="GET", path="/api/resource/Nope/x"),
    "unknown DocType, create": Bad(status=404, exc_type="DoesNotExistError", path="/api/resource/Nope", json={"a": 1}),
    "unknown DocType, update": Bad(
        status=404, exc_type="DoesNotExistError", method="PUT", path="/api/resource/Nope/x", json={"a": 1}
    ),
    "unknown DocType, delete": Bad(
        status=404, exc_type="DoesNotExistError", method="DELETE", path="/api/resource/Nope/x"
    ),
    "a table's name as DocType": Bad(
        status=404, exc_type="DoesNotExistError", method="GET", path="/api/resource/tabLead"
    ),
    "SQL as DocType": Bad(
        status=404, exc_type="DoesNotExistError", method="GET", path="/api/resource/Lead%60%3B%20DROP%20TABLE%20x"
    ),
    "missing document": Bad(status=404, exc_type="DoesNotExistError", method="GET", path="/api/resource/Lead/Nope"),
    "update of a missing document": Bad(
        status=404, exc_type="DoesNotExistError", method="PUT", path="/api/resource/Lead/Nope", json={"status": "Open"}
    ),
    "delete of a missing document": Bad(
        status=404, exc_type="DoesNotExistError", method="DELETE", path="/api/resource/Lead/Nope"
    ),
    "missing mandatory field": Bad(status=417, exc_type="MandatoryError", json={"email_id": "x@example.com"}),
    "empty mandatory field": Bad(status=417, exc_type="MandatoryError", json={"lead_name": ""}),
    "blank mandatory field": Bad(status=417, exc_type="MandatoryError", json={"lead_name": None}),
    "empty body": Bad(status=417, exc_type="MandatoryError", body=b"", headers=JSON),
    "empty object": Bad(status=417, exc_type="MandatoryError", json={}),
    "missing mandatory link": Bad(
        status=417, exc_type="MandatoryError", path="/api/resource/Item", json={"item_code": "N"}
    ),
    "missing mandatory rows": Bad(
        status=417, exc_type="MandatoryError", path="/api/resource/Sales Order", json={**ORDER, "items": []}
    ),
    "missing mandatory field of a row": Bad(
        status=417,
        exc_type="MandatoryError",
        path="/api/resource/Sales Order",
        json={**ORDER, "items": [ROW, {"qty": 1}]},
    ),
    "mandatory field set to nothing": Bad(
        status=417,
        exc_type="MandatoryError",
        method="PUT",
        path="/api/resource/Item/ITEM-00001",
        json={"item_group": ""},
    ),
    "no name to be made": Bad(
        status=417, exc_type="ValidationError", path="/api/resource/Item", json={"item_group": "Products"}
    ),
    "text for money": Bad(
        status=417, exc_type="ValidationError", path="/api/resource/Item", json={**ITEM, "standard_rate": "abc"}
    ),
    "object for money": Bad(
        status=417, exc_type="ValidationError", path="/api/resource/Item", json={**ITEM, "standard_rate": {"a": 1}}
    ),
    "list for text": Bad(status=417, exc_type="ValidationError", json={"lead_name": ["a", "b"]}),
    "object for text": Bad(status=417, exc_type="ValidationError", json={"lead_name": {"a": "b"}}),
    "bad date": Bad(
        status=417,
        exc_type="ValidationError",
        path="/api/resource/Sales Order",
        json={**ORDER, "delivery_date": "31-31-2025"},
    ),
    "no such day": Bad(
        status=417,
        exc_type="ValidationError",
        path="/api/resource/Sales Order",
        json={**ORDER, "delivery_date": "2025-02-30"},
    ),
    "text for rows": Bad(
        status=417, exc_type="ValidationError", path="/api/resource/Sales Order", json={**ORDER, "items": "ITEM-00001"}
    ),
    "texts as rows": Bad(
        status=417,
        exc_type="ValidationError",
        path="/api/resource/Sales Order",
        json={**ORDER, "items": ["ITEM-00001"]},
    ),
    "text for a number in a row": Bad(
        status=417,
        exc_type="ValidationError",
        path="/api/resource/Sales Order",
        json={**ORDER, "items": [{**ROW, "qty": "many"}]},
    ),
    "not one of the options": Bad(status=417, exc_type="ValidationError", json={"lead_name": "x", "status": "Wrong"}),
    "bad e-mail address": Bad(
        status=417, exc_type="InvalidEmailAddressError", json={"lead_name": "x", "email_id": "not-an-email"}
    ),
    "bad phone number": Bad(status=417, exc_type="InvalidPhoneNumberError", json={"lead_name": "x", "phone": "abc!"}),
    "too long": Bad(status=417, exc_type="CharacterLengthExceededError", json={"lead_name": "x" * 141}),
    "a duplicate": Bad(
        status=409, exc_type="DuplicateEntryError", path="/api/resource/Item", json={**ITEM, "item_code": "ITEM-00001"}
    ),
    "a broken link": Bad(
        status=417, exc_type="LinkValidationError", path="/api/resource/Item", json={**ITEM, "item_group": "Nope"}
    ),
    "a broken link of a row": Bad(
        status=417,
        exc_type="LinkValidationError",
        path="/api/resource/Sales Order",
        json={**ORDER, "items": [{"item_code": "N"}]},
    ),
    "a link in another case": Bad(
        status=417, exc_type="LinkValidationError", path="/api/resource/Item", json={**ITEM, "item_group": "products"}
    ),
    "deleting what is linked": Bad(
        status=417, exc_type="LinkExistsError", method="DELETE", path="/api/resource/Item Group/Products"
    ),
    "a stale modified": Bad(
        status=417,
        exc_type="TimestampMismatchError",
        method="PUT",
        path="/api/resource/Item/ITEM-00001",
        json={"item_name": "Stale", "modified": "2001-01-01 00:00:00.000000"},
    ),
    "a docstatus of its own": Bad(
        status=417, exc_type="DocstatusTransitionError", json={"lead_name": "x", "docstatus": 7}
    ),
    "cancelled from the start": Bad(
        status=417,
        exc_type="DocstatusTransitionError",
        path="/api/resource/Sales Order",
        json={**ORDER, "docstatus": 2},
    ),
    "submitting what is never submitted": Bad(
        status=417, exc_type="DocstatusTransitionError", json={"lead_name": "x", "docstatus": 1}
    ),
    "no credentials": Bad(status=403, exc_type="PermissionError", json={"lead_name": "x"}, as_guest=True),
    "no credentials, list": Bad(status=403, exc_type="PermissionError", method="GET", as_guest=True),
    "no credentials, missing document": Bad(
        status=403, exc_type="PermissionError", method="GET", path="/api/resource/Lead/Nope", as_guest=True
    ),
    **{
        f"wrong credentials, {value!r}": Bad(
            status=401,
            exc_type="AuthenticationError",
            json={"lead_name": "x"},
            headers={"Authorization": value},
            as_guest=True,
        )
        for value in (
            "token a:b",
            "token abc",
            "Basic !!!",
            "Basic YTpi",
            "Bearer abc",
            "Foo bar",
            "token :",
            "Basic Og==",
        )
    },
    "unknown function": Bad(status=404, exc_type="DoesNotExistError", path="/api/method/cafe.api.nosuch", json={}),
    "function of no app": Bad(status=404, exc_type="DoesNotExistError", path="/api/method/os.getcwd", json={}),
    "function that is not whitelisted": Bad(
        status=403, exc_type="PermissionError", path="/api/method/cafe.seed.seed", json={}
    ),
    "function by a verb that it does not take": Bad(
        status=403, exc_type="PermissionError", method="GET", path="/api/method/cafe.transactions.save?lead_name=x"
    ),
    "function without an argument that it needs": Bad(
        status=417, exc_type="ValidationError", path="/api/method/cafe.transactions.save", json={}
    ),
    "malformed body for a function": Bad(
        status=400, exc_type="JSONDecodeError", path="/api/method/cafe.api.peer_echo", body=b"{bad", headers=JSON
    ),
    "unknown path": Bad(status=404, exc_type="DoesNotExistError", method="GET", path="/api/nosuch"),
    "unknown verb": Bad(status=405, exc_type="MethodNotAllowed", method="PATCH", path="/api/resource/Item/ITEM-00001"),
    "deleting a list": Bad(status=405, exc_type="MethodNotAllowed", method="DELETE", path="/api/resource/Item"),
    **{
        f"query, {query}": Bad(status=417, exc_type="DataError", method="GET", path=f"/api/resource/Item?{query}")
        for query in (
            'fields=["nosuch"]',
            'fields=["name; drop table x"]',
            'fields=["sleep(5)"]',
            'fields=["(select secret from tabUser)"]',
            'filters={"nosuch":1}',
            'filters=[["name","sounds like","x"]]',
            'filters=[["Nope","name","=","x"]]',
            "order_by=nosuch desc",
            "order_by=name sideways",
            "order_by=extractvalue(1,concat(0x7e,version()))",
            "limit_start=-1",
            "limit_page_length=-1",
        )
    },
    "query, malformed filters": Bad(
        status=400, exc_type="JSONDecodeError", method="GET", path='/api/resource/Item?filters=[["name","=","x"'
    ),
}


def snapshot(admin: Client) -> dict[str, list[tuple[str, str]]]:
    """Return names and times of change of everything that a request might write."""
    return {doctype: sorted((row["name"], row["modified"]) for row in rows(admin, doctype)) for doctype in WATCHED}


def assert_frappes_envelope(answer: Answer, *, status: int, exc_type: str) -> None:
    """Check the envelope of an error as Frappe's clients read it."""
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    told = answer.json
    assert isinstance(told, dict), answer.text
    assert told["exc_type"] == exc_type
    assert told["exception"].startswith(f"frappe.exceptions.{exc_type}")
    (trace,) = json.loads(told["exc"])
    assert trace.startswith(exc_type)
    assert "Traceback" not in trace
    for message in json.loads(told.get("_server_messages", "[]")):
        assert json.loads(message)["message"]
    assert not {"data", "message"} & told.keys()


@pytest.fixture(scope="module")
def heard_by(site: ServedSite) -> str:
    """A webhook that would hear of any new Lead."""
    with Receiver() as nobody, site.client() as admin:
        return add_webhook(admin, nobody.url())


@pytest.mark.parametrize("bad", CASES.values(), ids=CASES)
def test_bad_input_is_refused_and_nothing_is_written(admin: Client, guest: Client, heard_by: str, bad: Bad) -> None:
    before, heard = snapshot(admin), deliveries(admin, heard_by)
    client = guest if bad.as_guest else admin
    answer = client.request(bad.method, bad.path, json=bad.json, body=bad.body, headers=bad.headers)
    assert_frappes_envelope(answer, status=bad.status, exc_type=bad.exc_type)
    assert snapshot(admin) == before
    assert len(deliveries(admin, heard_by)) == len(heard)


def test_a_refusal_for_want_of_credentials_asks_for_them(guest: Client) -> None:
    answer = guest.get("/api/resource/Lead", headers={"Authorization": "token a:b"})
    assert answer.headers["WWW-Authenticate"]


def test_an_error_of_an_app_tells_its_own_message_only(admin: Client) -> None:
    answer = admin.call("cafe.api.peer_fail")
    assert answer.status == 500
    assert answer.json["exc_type"] == "ZeroDivisionError"
    assert "api.py" not in answer.text


def test_a_body_that_is_too_large_is_refused(admin: Client) -> None:
    body = json.dumps({"lead_name": "x", "company_name": "x" * 30_000_000})
    answer = admin.request("POST", "/api/resource/Lead", body=body, headers=JSON)
    assert_frappes_envelope(answer, status=413, exc_type="RequestEntityTooLargeError")


def test_a_stale_change_is_refused_and_a_fresh_one_is_taken(admin: Client) -> None:
    lead = admin.post("/api/resource/Customer", {"customer_name": "Stale & Co"}).data
    path = f"/api/resource/Customer/{lead['name']}"
    changed = admin.put(path, {"territory": "North", "modified": lead["modified"]})
    assert changed.status == 200, changed.text
    stale = admin.put(path, {"territory": "South", "modified": lead["modified"]})
    assert_frappes_envelope(stale, status=417, exc_type="TimestampMismatchError")
    assert admin.get(path).data["territory"] == "North"
