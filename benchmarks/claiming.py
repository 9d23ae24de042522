"""Claims and settles all that waits for a webhook, without sending it, and prints what a row cost as one JSON object.

Arguments: the database of a site that nobody serves, the webhook. The rows are left settled.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson
import uvloop

from demitasse.db.lanes import Lanes
from demitasse.db.sqlite import SqliteDatabase
from demitasse.delivery.owned import OwnedClaims
from demitasse.delivery.ports import Want
from demitasse.outbox.model import Attempt, DeliveryState, QueuedDelivery, Settlement, to_microseconds

_WINDOW = 256
_BATCH = 128


async def _claim_and_settle(path: Path, webhook: str) -> dict[str, float]:
    database = SqliteDatabase(path)
    lanes = Lanes(database, loop=asyncio.get_running_loop())
    claims = OwnedClaims(lanes, clock=_now)
    rows, claim_s, settle_s = 0, 0.0, 0.0
    while True:
        began_s = time.perf_counter()
        want = Want(first=_WINDOW, retries=32, now_us=to_microseconds(_now()), hold_floor_us=0, lease_s=60.0)
        taken = await claims.take(webhook, want)
        claim_s += time.perf_counter() - began_s
        if not taken.deliveries:
            break
        rows += len(taken.deliveries)
        began_s = time.perf_counter()
        for first in range(0, len(taken.deliveries), _BATCH):
            batch = [_delivered(row) for row in taken.deliveries[first : first + _BATCH]]
            await claims.settle(batch, lambda _: None)
        settle_s += time.perf_counter() - began_s
    await lanes.close()
    database.close()
    return {"rows": rows, "claim_us": claim_s / max(1, rows) * 1e6, "settle_us": settle_s / max(1, rows) * 1e6}


def _delivered(row: QueuedDelivery) -> Settlement:
    message, now = row.message, _now()
    assert message is not None
    attempt = Attempt(
        number=1,
        at=now,
        url="http://127.0.0.1/hook",
        method=message.method,
        headers="{}",
        data=message.body.decode(),
        response="ok",
        outcome="ok",
        status_code=200,
        duration_ms=1,
        error=None,
    )
    return Settlement(
        delivery=row,
        state=DeliveryState.DELIVERED,
        now=now,
        attempt=attempt,
        doctype=message.doctype,
        document=message.document,
        owner=message.owner,
        retry_after_us=0,
        failing_since_us=0,
    )


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    print(orjson.dumps(uvloop.run(_claim_and_settle(Path(sys.argv[1]), sys.argv[2]))).decode())
