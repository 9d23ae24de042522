"""Webhooks: whose they are, which of them count, and what the phones are told."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demitasse.kernel import json
from demitasse.middleware.errors import Refusal
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.mapping_file import read_mapping
from demitasse.middleware.store import Store
from demitasse.middleware.webhooks import Told, Webhooks

SECRET = "hush"
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
STOCK = {"item_code": "IC-CONE-VAN", "actual_qty": 100.0, "reserved_qty": 2.0, "projected_qty": 98.0}


def mac(secret: str, signed: bytes) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256)).decode()


def frappe(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"x-frappe-webhook-signature": mac(secret, body)}


def ours(body: bytes, message_id: str, sequence: int, *, sent_at: datetime = NOW) -> dict[str, str]:
    timestamp = str(int(sent_at.timestamp()))
    return {
        **frappe(body),
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + mac(SECRET, f"{message_id}.{timestamp}.".encode() + body),
        "x-demitasse-sequence": str(sequence),
    }


class Desk:
    """The room with its own store; what phones would be told is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[Told] = []
        self.is_carried = asyncio.Event()
        self.is_carried.set()
        self.open()

    def open(self) -> None:
        self.keeping = Keeping(Store(self.folder))
        self.webhooks = Webhooks(
            read_mapping(None),
            secrets=(SECRET, "old hush"),
            keeping=self.keeping,
            clock=lambda: NOW,
            publish=self.told.append,
            carried=self.carried,
            carried_within_s=0.05,
        )

    async def carried(self) -> None:
        await self.is_carried.wait()

    async def receive(self, facts: dict[str, Any], headers: dict[str, str] | None = None, **options: Any) -> bool:
        body = json.encode(facts)
        return await self.webhooks.receive(headers or frappe(body), body, named=options.get("named"))

    async def ours(self, facts: dict[str, Any], message_id: str, sequence: int) -> bool:
        return await self.receive(facts, ours(json.encode(facts), message_id, sequence))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "data")
    yield made
    made.keeping.close()


async def test_stock_is_told_with_its_four_facts(desk: Desk) -> None:
    assert await desk.receive({**STOCK, "warehouse": "Stores - SJF", "modified": "2026-11-25 12:00:00.1"})
    (told,) = desk.told
    assert (told.type, told.payload, told.key) == ("stock_update", STOCK, "IC-CONE-VAN")
    assert told.topics == ("stock", "stock:IC-CONE-VAN")
    assert told.invalidates == ("/api/stock",)


async def test_stock_of_another_warehouse_is_not_told(desk: Desk) -> None:
    assert not await desk.receive({**STOCK, "warehouse": "Cold Store - SJF"})
    assert desk.told == []


async def test_what_is_not_carried_yet_is_asked_for_again_and_told_once(desk: Desk) -> None:
    desk.is_carried.clear()
    for _ in range(2):
        with pytest.raises(Refusal, match="send it again") as caught:
            await desk.ours(STOCK, "msg_1", 1)
        assert caught.value.status == 503
    desk.is_carried.set()
    assert not await desk.ours(STOCK, "msg_1", 1)
    assert len(desk.told) == 1


async def test_what_was_not_carried_before_the_end_is_told_by_the_next_life(desk: Desk) -> None:
    desk.is_carried.clear()
    with pytest.raises(Refusal, match="send it again"):
        await desk.ours(STOCK, "msg_1", 1)
    await desk.webhooks.close()
    desk.keeping.close()
    desk.open()
    desk.is_carried.set()
    assert await desk.ours(STOCK, "msg_1", 1)
    assert len(desk.told) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-frappe-webhook-signature": ""},
        {"x-frappe-webhook-signature": "%%%"},
        {"x-frappe-webhook-signature": mac("guess", json.encode(STOCK))},
        {"x-frappe-webhook-signature": mac(SECRET, json.encode(STOCK))[:-4]},
        {"x-frappe-webhook-signature": mac(SECRET, b"another body")},
        {"x-frappe-webhook-signature": "ü" * 44},
        {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
    ],
)
async def test_a_missing_wrong_or_odd_signature_is_refused(desk: Desk, headers: dict[str, str]) -> None:
    body = json.encode(STOCK)
    with pytest.raises(Refusal, match=r"^Invalid signature$") as caught:
        await desk.webhooks.receive(headers, body, named=None)
    assert caught.value.status == 401
    assert desk.told == []


async def test_a_signature_over_other_bytes_of_the_same_json_is_refused(desk: Desk) -> None:
    body = json.encode(STOCK)
    with pytest.raises(Refusal, match="Invalid signature"):
        await desk.webhooks.receive(frappe(json.encode_pretty(STOCK)), body, named=None)


async def test_where_there_are_two_signatures_both_must_be_right(desk: Desk) -> None:
    body = json.encode(STOCK)
    for headers in (
        {**ours(body, "msg_1", 1), "webhook-signature": "v1,AAAA"},
        {**ours(body, "msg_1", 1), "webhook-id": "msg_2"},
        ours(body, "msg_1", 1, sent_at=NOW - timedelta(hours=1)),
        ours(body, "msg_1", 1, sent_at=NOW + timedelta(hours=1)),
    ):
        with pytest.raises(Refusal, match="Invalid signature"):
            await desk.webhooks.receive(headers, body, named=None)
    assert await desk.webhooks.receive(ours(body, "msg_1", 1), body, named=None)


async def test_the_secret_before_this_one_is_still_good(desk: Desk) -> None:
    body = json.encode(STOCK)
    assert await desk.webhooks.receive(frappe(body, "old hush"), body, named=None)


async def test_a_repeated_webhook_is_told_once_also_after_a_restart(desk: Desk) -> None:
    assert await desk.ours(STOCK, "msg_1", 1)
    assert not await desk.ours(STOCK, "msg_1", 1)
    desk.keeping.close()
    desk.open()
    assert not await desk.ours(STOCK, "msg_1", 1)
    assert len(desk.told) == 1


async def test_what_a_crash_kept_from_the_phones_is_told_when_it_comes_again(desk: Desk) -> None:
    def crash(_: Told) -> None:
        raise RuntimeError

    publish, desk.webhooks._publish = desk.webhooks._publish, crash
    with pytest.raises(RuntimeError):
        await desk.ours(STOCK, "msg_1", 1)
    desk.webhooks._publish = publish
    assert await desk.ours(STOCK, "msg_1", 1)
    assert len(desk.told) == 1


async def test_an_older_state_that_comes_late_is_not_told(desk: Desk) -> None:
    older, newer = {**STOCK, "projected_qty": 98.0}, {**STOCK, "projected_qty": 97.0}
    assert await desk.ours(newer, "msg_2", 2)
    assert not await desk.ours(older, "msg_1", 1)
    assert [told.payload["projected_qty"] for told in desk.told] == [97.0]


async def test_each_item_has_its_own_sequence(desk: Desk) -> None:
    assert await desk.ours(STOCK, "msg_1", 9)
    assert await desk.ours({**STOCK, "item_code": "IC-SUN-FUDGE"}, "msg_2", 1)


async def test_frappe_s_own_webhooks_are_ordered_by_their_moment(desk: Desk) -> None:
    assert await desk.receive({**STOCK, "modified": "2026-11-25 12:00:02.0"})
    assert not await desk.receive({**STOCK, "projected_qty": 99.0, "modified": "2026-11-25 12:00:01.0"})
    assert not await desk.receive({**STOCK, "modified": "2026-11-25 12:00:02.0"})


async def test_a_sequence_that_nobody_signed_for_counts_for_nothing(desk: Desk) -> None:
    body = json.encode({**STOCK, "modified": "2026-11-25 12:00:02.0"})
    assert await desk.webhooks.receive({**frappe(body), "x-demitasse-sequence": "999999"}, body, named=None)
    assert await desk.receive({**STOCK, "projected_qty": 90.0, "modified": "2026-11-25 12:00:03.0"})


async def test_a_stock_that_comes_back_to_what_it_was_is_told(desk: Desk) -> None:
    for left in (10.0, 9.0, 10.0):
        assert await desk.receive({**STOCK, "projected_qty": left})
    assert [told.payload["projected_qty"] for told in desk.told] == [10.0, 9.0, 10.0]


async def test_an_unknown_webhook_is_taken_and_told_to_nobody(desk: Desk) -> None:
    assert not await desk.receive({"lead_name": "Asha"})
    assert not await desk.receive(STOCK, named="product_update")


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"\xff\xfe"])
async def test_a_signed_body_that_is_no_object_is_refused(desk: Desk, body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        await desk.webhooks.receive(frappe(body), body, named=None)
    assert caught.value.status == 400
