"""`demitasse webhook import` from a peer that answers as Frappe does."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client, ServedSite, run_command
from tests.e2e.webhooks import add_lead, frappe_signature, unique

KEYS = ("--api-key", "key", "--api-secret", "hush")


def webhook(name: str, **changes: Any) -> dict[str, Any]:
    """A webhook as `/api/resource/Webhook/<name>` of a Frappe site gives it."""
    values = {
        "name": name,
        "owner": "Administrator",
        "creation": "2026-01-02 03:04:05.000006",
        "modified": "2026-01-02 03:04:05.000006",
        "modified_by": "Administrator",
        "docstatus": 0,
        "idx": 0,
        "doctype": "Webhook",
        "webhook_doctype": "Lead",
        "webhook_docevent": "after_insert",
        "enabled": 1,
        "condition": None,
        "request_url": "https://shop.example.com/hook",
        "is_dynamic_url": 0,
        "timeout": 5,
        "request_method": "POST",
        "request_structure": "JSON",
        "enable_security": 0,
        "webhook_json": '{"lead": "{{ doc.name }}"}',
        "webhook_headers": [{"name": "r1", "idx": 1, "key": "X-From", "value": "erp", "doctype": "Webhook Header"}],
        "webhook_data": [],
    }
    return {**values, **changes}


class Erp:
    """A Frappe site with webhooks: lists of names twenty at a time, whole documents one by one, secrets as stars."""

    def __init__(self) -> None:
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.receiver = Receiver(reply=self._reply)
        self.url = self.receiver.url("")

    def add(self, name: str, **changes: Any) -> None:
        self.webhooks[name] = webhook(name, **changes)

    def _reply(self, arrived: Arrived) -> Reply:
        if arrived.headers.get("authorization") != "token key:hush":
            return self._json(401, {"exc_type": "AuthenticationError"})
        parts = urlsplit(arrived.path)
        name = unquote(parts.path.removeprefix("/api/resource/Webhook").strip("/"))
        if name:
            return self._json(200, {"data": self.webhooks[name]})
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        after = next((each[3] for each in json.loads(asked.get("filters", "[]")) if each[2] == ">"), "")
        rows = [{"name": name} for name in sorted(self.webhooks) if name > after]
        return self._json(200, {"data": rows[: int(asked.get("limit_page_length", "20"))]})

    @staticmethod
    def _json(status: int, told: Any) -> Reply:
        return Reply(status=status, body=json.dumps(told).encode(), headers={"Content-Type": "application/json"})


@pytest.fixture
def erp() -> Iterator[Erp]:
    peer = Erp()
    yield peer
    peer.receiver.close()


def run(site: ServedSite, erp: Erp, *options: str, code: int = 0) -> dict[str, Any]:
    """Import and return what became of each webhook, by name."""
    done = run_command("webhook", "import", "--from", erp.url, *KEYS, "--site", str(site.path), "--json", *options)
    assert done.returncode == code, done.stderr
    assert "hush" not in done.stdout + done.stderr
    return {each["name"]: each for each in json.loads(done.stdout)}


def test_a_copied_webhook_fires_here_with_its_headers_and_signature(
    site: ServedSite, admin: Client, erp: Erp, receiver: Receiver
) -> None:
    name, path = f"Leads / {unique('shop')}", f"/{unique('shop')}"
    erp.add(name, request_url=receiver.url(path), enable_security=1, webhook_secret="**********")

    assert run(site, erp, "--secret", f"{name}=of the hook")[name]["skipped"] is None

    lead = add_lead(admin, lead_name="Asha")
    arrived = receiver.wait(path)[0]
    assert json.loads(arrived.body) == {"lead": lead["name"]}
    assert arrived.headers["x-from"] == "erp"
    assert arrived.headers["x-frappe-webhook-signature"] == frappe_signature(arrived.body, secret="of the hook")


def test_what_cannot_be_copied_is_left_out_with_its_reason(site: ServedSite, admin: Client, erp: Erp) -> None:
    erp.add("a good one", request_url="https://shop.example.com")
    erp.add("b no doctype", webhook_doctype="Stock Entry")
    erp.add("c no secret", enable_security=1, webhook_secret="*****")
    erp.add("d condition", condition="import os")
    erp.add("e template", webhook_json="{{ doc.name")
    erp.add("f event", webhook_docevent="on_submit")
    erp.add("g header", webhook_headers=[{"key": "Host", "value": "evil"}])

    told = run(site, erp, code=1)

    assert told["a good one"]["skipped"] is None
    assert "no DocType Stock Entry" in told["b no doctype"]["skipped"]
    assert "--secret 'c no secret=" in told["c no secret"]["skipped"]
    assert all(told[name]["skipped"] for name in ("d condition", "e template", "f event", "g header"))
    here = {row["name"] for row in admin.get("/api/resource/Webhook?limit_page_length=0").data}
    assert here & told.keys() == {"a good one"}
    assert "here already" in run(site, erp, code=1)["a good one"]["skipped"]


def test_a_dry_run_makes_nothing(site: ServedSite, admin: Client, erp: Erp) -> None:
    name = unique("dry")
    erp.add(
        name,
        surprising_setting=1,
        request_structure="Form URL-Encoded",
        webhook_data=[{"fieldname": "name", "key": "n"}],
    )

    told = run(site, erp, "--dry-run")[name]

    assert told["skipped"] is None
    assert any("surprising_setting" in note for note in told["notes"])
    assert any("form body" in note for note in told["notes"])
    assert admin.get(f"/api/resource/Webhook/{name}").status == 404


def test_more_than_a_page_of_webhooks_comes_along_switched_off(copy_site: Any, erp: Erp) -> None:
    served = copy_site()
    names = [f"many {number:03}" for number in range(45)]
    for name in names:
        erp.add(name)

    told = run(served, erp, "--disabled")

    assert sorted(told) == names
    served.start()
    with served.client() as admin:
        rows = admin.get('/api/resource/Webhook?limit_page_length=0&fields=["name","enabled"]').data
    assert {row["name"]: row["enabled"] for row in rows} == dict.fromkeys(names, 0)


def test_wrong_keys_are_told_in_a_sentence(site: ServedSite, erp: Erp) -> None:
    arguments = ("--from", erp.url, "--api-key", "key", "--api-secret", "wrong", "--site", str(site.path))
    done = run_command("webhook", "import", *arguments)

    assert done.returncode == 1
    assert "NotAuthenticated" in done.stderr
    assert "wrong" not in done.stderr
