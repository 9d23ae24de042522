"""The request of an attempt."""

from datetime import UTC, datetime
from typing import Any

import pytest

from demitasse.delivery.errors import HostNotListed
from demitasse.delivery.ports import Endpoint
from demitasse.delivery.request import PreparedRequest, RequestMaker
from demitasse.outbox.model import Message
from demitasse.vault.errors import MissingSecret
from demitasse.vault.references import References

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CONF: dict[str, Any] = {"crm_url": "https://crm.example.com/", "crm_secret": "s3cret"}


def message(**more: Any) -> Message:
    values: dict[str, Any] = {
        "doctype": "Lead",
        "document": "LEAD-1",
        "event": "on_update",
        "sequence": 7,
        "url": None,
        "method": "PUT",
        "headers": (("X-Source", "erp"),),
        "content_type": "application/json",
        "body": b'{"a":1}',
        "owner": "anna@example.com",
    }
    return Message(**{**values, **more})


def prepared(*, environ: dict[str, str] | None = None, of: Message | None = None, **endpoint: Any) -> PreparedRequest:
    maker = RequestMaker(
        Endpoint(**{"url": "https://crm.example.com/hook", **endpoint}),
        resolver=References(conf=CONF, environ=environ or {}),
    )
    return maker.make(of or message(), message_id="msg_1", attempt=3, now=NOW)


def test_it_carries_the_stored_bytes_and_says_what_they_are() -> None:
    request = prepared().request
    headers = dict(request.headers)

    assert (request.method, request.url, request.body) == ("PUT", "https://crm.example.com/hook", b'{"a":1}')
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Source"] == "erp"
    assert headers["X-Demitasse-Event"] == "on_update"
    assert headers["X-Demitasse-Sequence"] == "7"
    assert headers["X-Demitasse-Attempt"] == "3"
    assert headers["webhook-id"] == "msg_1"


def test_a_content_type_of_the_webhooks_own_is_kept() -> None:
    request = prepared(of=message(headers=(("content-type", "text/x-own"),))).request

    assert [value for name, value in request.headers if name.lower() == "content-type"] == ["text/x-own"]


@pytest.mark.parametrize(
    "name", ["webhook-id", "Webhook-Signature", "X-FRAPPE-Webhook-Signature", "x-demitasse-attempt"]
)
def test_headers_that_are_ours_cannot_be_set_by_hand(name: str) -> None:
    request = prepared(of=message(headers=((name, "forged"),)), secret="s", signs_for_frappe=True).request

    assert "forged" not in dict(request.headers).values()
    assert sum(key.lower() == name.lower() for key, _ in request.headers) == 1


def test_a_url_made_from_the_document_wins() -> None:
    made = prepared(url="https://crm.example.com/{{ doc.n }}", of=message(url="https://crm.example.com/7"))
    assert made.request.url == "https://crm.example.com/7"


def test_a_url_made_from_the_document_does_not_lead_where_the_webhook_does_not() -> None:
    elsewhere = message(url="https://other.example.com/7")
    with pytest.raises(HostNotListed):
        prepared(url="https://{{ doc.host }}/7", of=elsewhere)
    listed = prepared(url="https://{{ doc.host }}/7", dynamic_hosts=("*.example.com",), of=elsewhere)
    assert listed.request.url == "https://other.example.com/7"


def test_references_are_looked_up_and_shown_as_references() -> None:
    made = prepared(
        url="conf:crm_url",
        of=message(headers=(("Authorization", "env:TOKEN"),)),
        environ={"TOKEN": "t0ken"},
        secret="conf:crm_secret",
        signs_for_frappe=True,
    )

    assert made.request.url == "https://crm.example.com/"
    assert dict(made.request.headers)["Authorization"] == "t0ken"
    assert made.shown_url == "conf:crm_url"
    assert '"Authorization":"env:TOKEN"' in made.shown_headers
    assert "t0ken" not in made.shown_headers


@pytest.mark.parametrize(
    "endpoint", [{"url": "conf:none"}, {"secret": "env:NONE"}, {"client_certificate": "c", "client_key": "env:NONE"}]
)
def test_a_reference_that_leads_nowhere_is_named(endpoint: dict[str, Any]) -> None:
    with pytest.raises(MissingSecret, match="is not set"):
        prepared(**endpoint)


def test_a_secret_that_changes_is_used_for_the_next_request() -> None:
    environ = {"SECRET": "old"}
    maker = RequestMaker(
        Endpoint(url="https://x.example/", secret="env:SECRET", signs_for_frappe=True),
        resolver=References(conf={}, environ=environ),
    )

    def signature() -> str:
        made = maker.make(message(), message_id="msg_1", attempt=1, now=NOW)
        return dict(made.request.headers)["X-Frappe-Webhook-Signature"]

    before = signature()
    environ["SECRET"] = "new"

    assert signature() != before


def test_without_certificates_there_are_no_tls_options() -> None:
    assert prepared().request.tls is None


def test_certificates_and_the_named_key_go_to_the_sender() -> None:
    tls = prepared(
        ca_certificate="CA", client_certificate="CERT", client_key="env:KEY", environ={"KEY": "PEM"}
    ).request.tls

    assert tls is not None
    assert (tls.ca_pem, tls.client_cert_pem, tls.client_key_pem) == (b"CA", b"CERT", b"PEM")


def test_the_endpoint_does_not_show_its_secrets() -> None:
    shown = repr(Endpoint(url="https://x.example/", secret="s3cret", previous_secret="0ld", client_key="PEM"))

    assert not any(secret in shown for secret in ("s3cret", "0ld", "PEM"))
