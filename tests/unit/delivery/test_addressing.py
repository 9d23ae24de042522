"""Where a URL that was made from a document may lead."""

import pytest

from demitasse.delivery.addressing import check_address
from demitasse.delivery.errors import HostNotListed

EVIL = "https://evil.example/hook"


@pytest.mark.parametrize(
    "webhook_url",
    [
        "https://crm.example/{{ doc.name }}",
        "https://crm.example?id={{ doc.name }}",
        "HTTPS://CRM.example:443/{% if doc.name %}a{% endif %}",
        "https://crm.example",
    ],
)
def test_the_host_that_is_written_in_the_webhook_is_reached(webhook_url: str) -> None:
    check_address("https://crm.example/LEAD-1", webhook_url=webhook_url, listed=())


@pytest.mark.parametrize(
    "webhook_url",
    [
        "{{ doc.website }}",
        "https://{{ doc.host }}/hook",
        "https://crm.example{{ doc.rest }}",
        "https://crm.example:{{ doc.port }}/",
        "https://{{ doc.shop }}.crm.example/hook",
        "{% if doc.a %}https://crm.example/{% endif %}",
        "https://crm.example/{{ doc.name }}",
        "conf:crm_url",
        "",
    ],
)
def test_a_host_that_the_document_chooses_is_refused(webhook_url: str) -> None:
    with pytest.raises(HostNotListed, match=r"evil\.example .* webhook_dynamic_hosts"):
        check_address(EVIL, webhook_url=webhook_url, listed=("*.shops.example", "10.0.0.0/8"))


@pytest.mark.parametrize(
    ("url", "entry"),
    [
        ("https://anna.shops.example/hook", "*.shops.example"),
        ("https://CRM.lan/hook", "crm.LAN"),
        ("http://127.0.0.1:8000/hook", "127.0.0.0/8"),
        ("http://2130706433/hook", "127.0.0.1"),
        ("http://[::1]:8000/hook", "::1"),
    ],
)
def test_a_host_that_is_listed_is_reached(url: str, entry: str) -> None:
    check_address(url, webhook_url="{{ doc.url }}", listed=("other.example", entry))


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "http://../"])
def test_what_is_no_url_is_left_to_the_sender(url: str) -> None:
    check_address(url, webhook_url="{{ doc.url }}", listed=())
