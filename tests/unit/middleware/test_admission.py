"""Who may ask, and how often."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from demitasse.client.model import Credentials
from demitasse.middleware.admission import Admission, Rate
from demitasse.middleware.configuration import Configuration, DeviceTokens
from demitasse.middleware.devices import create_device, device_of, revoke_device
from demitasse.middleware.errors import Refusal, UnknownDevice
from demitasse.middleware.store import Store

OPEN = Configuration(
    site_url="http://site.test",
    credentials=Credentials(api_key="k", api_secret="s"),
    webhook_secrets=("hush",),
    cors_origins=("https://shop.example.com",),
    trusted_proxies=("10.0.0.1",),
)
GUARDED = replace(OPEN, device_tokens=DeviceTokens.REQUIRED)
LOCAL = {"host": "127.0.0.1:3001"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "data")
    yield opened
    opened.close()


def refusal(admission: Admission, headers: dict[str, str]) -> int:
    with pytest.raises(Refusal) as caught:
        admission.device(headers)
    return caught.value.status


def test_a_token_names_its_device_until_it_is_revoked(store: Store) -> None:
    device, token = create_device(store, "Asha's phone", now_s=1)
    admission = Admission(GUARDED, store=store)
    shown = {"authorization": f"Bearer {token}"}
    assert admission.device(shown) == device
    assert admission.is_active(device)
    revoke_device(store, "Asha's phone", now_s=2)
    assert refusal(admission, shown) == 401
    assert not admission.is_active(device)


def test_a_token_is_kept_as_a_hash_only(store: Store, tmp_path: Path) -> None:
    _, token = create_device(store, "phone", now_s=1)
    kept = b"".join(file.read_bytes() for file in (tmp_path / "data").iterdir())
    assert token.encode() not in kept
    assert token.split("_", 2)[2].encode() not in kept


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer dmt_nobody0000_" + "x" * 43},
        {"authorization": "token key:secret"},
        {"authorization": "Bearer ' OR 1=1 --"},
    ],
)
def test_whatever_else_is_shown_is_refused(store: Store, headers: dict[str, str]) -> None:
    create_device(store, "phone", now_s=1)
    assert refusal(Admission(GUARDED, store=store), headers) == 401


def test_a_device_is_revoked_by_its_id_or_its_name(store: Store) -> None:
    first, token = create_device(store, "till", now_s=1)
    create_device(store, "till", now_s=2)
    with pytest.raises(UnknownDevice, match=first.id):
        revoke_device(store, "till", now_s=3)
    revoke_device(store, first.id, now_s=3)
    assert device_of(store, token) is None
    with pytest.raises(UnknownDevice, match="token list"):
        revoke_device(store, "nobody", now_s=3)


@pytest.mark.parametrize("host", ["127.0.0.1:3001", "localhost:3001", "[::1]:3001", "10.0.2.2:3001"])
def test_without_tokens_this_machine_and_its_emulator_may_ask(store: Store, host: str) -> None:
    assert Admission(OPEN, store=store).device({"host": host}) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "shop.example.com"},
        {"host": "192.168.1.7:3001"},
        {},
        {**LOCAL, "origin": "https://evil.example.com"},
        {**LOCAL, "origin": "null"},
        {**LOCAL, "x-forwarded-for": "203.0.113.9"},
        {**LOCAL, "forwarded": "for=203.0.113.9"},
        {**LOCAL, "origin": "http://127.0.0.1:9999"},
    ],
)
def test_without_tokens_nobody_else_may_ask(store: Store, headers: dict[str, str]) -> None:
    assert refusal(Admission(OPEN, store=store), headers) == 403


def test_pages_of_one_s_own_and_of_listed_origins_may_ask(store: Store) -> None:
    admission = Admission(OPEN, store=store)
    assert admission.device({**LOCAL, "origin": "http://127.0.0.1:3001"}) is None
    assert admission.device({**LOCAL, "origin": "https://shop.example.com"}) is None


def test_only_trusted_proxies_say_whose_request_it_is(store: Store) -> None:
    admission = Admission(OPEN, store=store)
    forwarded = {"x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.1"}
    assert admission.address(forwarded, "10.0.0.1") == "203.0.113.9"
    assert admission.address(forwarded, "203.0.113.50") == "203.0.113.50"
    assert admission.address({}, "10.0.0.1") == "10.0.0.1"


def test_a_rate_lets_bursts_through_and_refills_steadily() -> None:
    rate = Rate(60)
    assert [rate.take("a", now_s=0.0) for _ in range(60)] == [None] * 60
    assert rate.take("a", now_s=0.0) == pytest.approx(1.0)
    assert rate.take("b", now_s=0.0) is None
    assert rate.take("a", now_s=1.0) is None
    assert rate.take("a", now_s=1.0) is not None


def test_one_who_asks_too_often_is_told_when_to_come_back(store: Store) -> None:
    admission = Admission(replace(OPEN, orders_per_minute=1), store=store)
    admission.check_rate(None, "1.2.3.4", is_write=True)
    with pytest.raises(Refusal) as caught:
        admission.check_rate(None, "1.2.3.4", is_write=True)
    assert caught.value.status == 429
    assert caught.value.retry_after_s is not None
    admission.check_rate(None, "1.2.3.4", is_write=False)
