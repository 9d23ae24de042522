"""A receiver that misbehaves in every known way: the right outcome, in bounded time and memory, and nobody else is harmed."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from demitasse.db.codec import text_to_moment
from demitasse.delivery.policy import RetrySchedule
from demitasse.kernel.clock import utc_now
from demitasse.outbox.operations import enqueue
from demitasse.transports.model import SenderOptions
from tests.e2e.delivery.misbehaviour import ONE_GIGABYTE, RECEIVER, TIMEOUT_S, WAYS, Way, misbehaving
from tests.e2e.delivery.plant import Plant
from tests.e2e.receiver import Receiver
from tests.e2e.transports.certificates import Authority
from tests.unit.outbox.site import new_delivery

LATER = RetrySchedule(delays_s=(60.0,))
NEIGHBOURS = 20
WITHIN_S = 10.0
"""Generous, as neighbours on the machine take their part; what hangs would take for ever."""
SPENT_MB = 24.0
DELIVERY, LOG = "tabWebhook Delivery", "tabWebhook Request Log"


class Names:
    """Leads every name to the next of these answers at each question, and then to the last."""

    def __init__(self, answers: Sequence[Sequence[str]]) -> None:
        self._left = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        return self._left.pop(0) if len(self._left) > 1 else self._left[0]


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_a_receiver_that(way: Way, authority: Authority, receiver: Receiver, tmp_path: Path) -> None:
    options: dict[str, Any] = {"resolve": Names(way.addresses)} if way.addresses else {}
    allow = ["127.0.0.1", *([RECEIVER, "::1"] if way.is_allowed else [])]
    plant = Plant(tmp_path / "site.db", allow=allow, options=SenderOptions(name_cache_s=0.0), **options)
    with misbehaving(way, authority=authority, folder=tmp_path) as (faulty, url):
        settings = {"ca_certificate": authority.pem.decode(), **(way.settings or {})}
        plant.endpoints.set("faulty", url, timeout_s=TIMEOUT_S, schedule=LATER, **settings)
        plant.endpoints.set("crm", receiver.url())
        try:
            if len(way.addresses) > 1:
                await attempted(plant, way, number=900)  # While the name still leads where it may.
            before_mb, began_s = reset_peak_mb(), time.monotonic()
            await plant.queue("crm", range(NEIGHBOURS))
            await attempted(plant, way, number=901)
            await plant.until("Delivered", NEIGHBOURS, within_s=WITHIN_S)
            elapsed_s = time.monotonic() - began_s
            await plant.queue("crm", range(NEIGHBOURS, 2 * NEIGHBOURS))
            await asyncio.to_thread(receiver.wait, count=2 * NEIGHBOURS)
            spent_mb = peak_mb() - before_mb

            assert elapsed_s < TIMEOUT_S + WITHIN_S
            assert spent_mb < SPENT_MB
            await right_outcome(plant, way, number=901)
            if faulty is not None:
                assert way.connections in {None, faulty.connections}
                assert faulty.poured_bytes < ONE_GIGABYTE / 100
        finally:
            await plant.close()


async def attempted(plant: Plant, way: Way, *, number: int) -> None:
    """Queue a delivery to the faulty receiver, and wait until its first attempt is logged."""
    new = new_delivery(number, webhook="faulty", headers=(("X-Source", "erp"), *way.headers))
    queued = await plant.lanes.write(lambda tx: enqueue(tx, new, now=utc_now()))
    plant.dispatcher.offer([queued])
    async with asyncio.timeout(TIMEOUT_S + WITHIN_S):
        while (queued.name,) not in await plant.rows(LOG, "delivery"):  # noqa: ASYNC110 - the database calls nobody back
            await asyncio.sleep(0.01)


async def right_outcome(plant: Plant, way: Way, *, number: int) -> None:
    """Compare what the log and the delivery say with what must be."""
    found = {row[0]: row[1:] for row in await plant.rows(LOG, "reference_document", "outcome", "duration_ms", "error")}
    outcome, duration_ms, error = found[f"LEAD-{number}"]
    assert outcome == way.outcome, error
    assert duration_ms < (TIMEOUT_S + WITHIN_S) * 1000
    assert (error is None) == (way.outcome == "delivered")
    states = {row[0]: row[1:] for row in await plant.rows(DELIVERY, "reference_document", "status", "next_attempt_at")}
    status, next_at = states[f"LEAD-{number}"]
    assert status == way.status
    if way.waits_s:
        assert (text_to_moment(next_at) - utc_now()).total_seconds() > way.waits_s - WITHIN_S
    assert bool(plant.endpoints.reasons) == (way.outcome == "gone")


def reset_peak_mb() -> float:
    """Let the peak of this process's memory begin anew, and return where it begins."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_mb()


def peak_mb() -> float:
    """Return the peak of this process's resident memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))
