"""What the log may show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.redaction import redact_headers, redact_url


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "X-API-Key",
        "api_key",
        "X-Auth-Token",
        "X-Shared-Secret",
        "X-Amz-Security-Token",
        "Password",
        "X-Session-Id",
        "X-Some-Signature",
    ],
)
def test_credentials_are_not_shown(name: str) -> None:
    assert redact_headers([(name, "value")]) == {name: "***"}


@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "X-Source",
        "webhook-id",
        "webhook-signature",
        "X-Frappe-Webhook-Signature",
        "X-Demitasse-Sequence",
        "Idempotency-Key",
        "Accept",
        "X-Monkey-Business",
        "X-Author",
    ],
)
def test_what_tells_nothing_is_shown(name: str) -> None:
    assert redact_headers([(name, "value")]) == {name: "value"}


def test_a_reference_is_shown_as_such() -> None:
    assert redact_headers([("Authorization", "env:CRM_TOKEN")]) == {"Authorization": "env:CRM_TOKEN"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x.example/hook?a=1", "https://x.example/hook?a=1"),
        ("https://x.example/hook", "https://x.example/hook"),
        ("https://x.example/hook?token=abc&a=1", "https://x.example/hook?token=***&a=1"),
        ("https://x.example/hook?api_key=abc", "https://x.example/hook?api_key=***"),
        ("https://user:pw@x.example/hook?a=b", "https://x.example/hook?a=b"),
        ("conf:crm_webhook_url", "conf:crm_webhook_url"),
        ("https://[bad?token=x", "https://[bad"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.text(max_size=80))
def test_no_url_is_an_error(url: str) -> None:
    redact_url(url)
