"""What the environment says, and when the middleware refuses to start."""

import pytest

from demitasse.middleware.configuration import DeviceTokens, is_loopback, read_configuration
from demitasse.middleware.errors import InvalidConfiguration

GOOD = {
    "ERPNEXT_URL": "https://erp.example.com/",
    "ERPNEXT_API_KEY": "key",
    "ERPNEXT_API_SECRET": "s3cret-of-the-site",
    "WEBHOOK_SECRET": "hush-of-the-webhook",
}


def test_four_settings_are_enough() -> None:
    found = read_configuration(GOOD)
    assert (found.site_url, found.host, found.port) == ("https://erp.example.com", "127.0.0.1", 3001)
    assert found.credentials.headers == (("Authorization", "token key:s3cret-of-the-site"),)
    assert found.webhook_secrets == ("hush-of-the-webhook",)
    assert found.device_tokens is DeviceTokens.OFF
    assert found.redis_url is None


@pytest.mark.parametrize("name", sorted(GOOD))
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidConfiguration, match=name):
        read_configuration({**GOOD, name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ERPNEXT_URL", "erp.example.com"),
        ("ERPNEXT_URL", "ftp://erp.example.com"),
        ("ERPNEXT_URL", "https://user:pass@erp.example.com"),
        ("ERPNEXT_API_SECRET", "two words"),
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("REDIS_URL", "cache:6379"),
        ("LOG_LEVEL", "loud"),
        ("DEVICE_TOKENS", "perhaps"),
        ("CORS_ORIGINS", "shop.example.com"),
        ("PHONE_PAGE", "maybe"),
        ("RATE_LIMIT", "0"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidConfiguration, match=name):
        read_configuration({**GOOD, name: value})


def test_an_error_repeats_no_password_of_a_url() -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        read_configuration({**GOOD, "ERPNEXT_URL": "https://user:topsecret@erp.example.com"})
    assert "topsecret" not in caught.value.message


def test_without_tokens_only_this_machine_is_served() -> None:
    with pytest.raises(InvalidConfiguration, match="DEVICE_TOKENS=required"):
        read_configuration({**GOOD, "HOST": "0.0.0.0"})
    with pytest.raises(InvalidConfiguration, match="CORS_ORIGINS"):
        read_configuration({**GOOD, "CORS_ORIGINS": "*"})
    served = read_configuration({**GOOD, "HOST": "0.0.0.0", "DEVICE_TOKENS": "required", "CORS_ORIGINS": "*"})
    assert served.requires_tokens


def test_secrets_are_not_shown() -> None:
    shown = repr(read_configuration({**GOOD, "REDIS_URL": "redis://:redispass@cache"}))
    assert not [secret for secret in ("s3cret-of-the-site", "hush-of-the-webhook", "redispass") if secret in shown]


def test_while_a_webhook_secret_changes_both_are_known() -> None:
    found = read_configuration({**GOOD, "WEBHOOK_SECRET_PREVIOUS": "old"})
    assert found.webhook_secrets == ("hush-of-the-webhook", "old")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"])
def test_loopback_is_known_by_all_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", "localhost.example.com", ""])
def test_nothing_else_is_loopback(host: str) -> None:
    assert not is_loopback(host)
