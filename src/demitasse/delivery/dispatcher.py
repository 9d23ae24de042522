"""The dispatcher: takes deliveries from the queue, sends them fairly, settles what came of them.

It lives on the event loop and decides little itself: what may be claimed is the claims' business, whether an endpoint may
get a request its channel's, what a result means the courier's, what a paused webhook keeps the gatekeeper's.
"""

import asyncio
import contextlib
import heapq
import threading
from collections import deque
from collections.abc import Coroutine, Sequence
from secrets import SystemRandom
from typing import Any

import structlog

from demitasse.delivery.channel import NEVER_S, Channel, Standing
from demitasse.delivery.classification import Judgement, Verdict
from demitasse.delivery.fairness import fair_share
from demitasse.delivery.gatekeeping import Gatekeeper
from demitasse.delivery.health import FailureRun
from demitasse.delivery.metrics import Counters, EndpointView, Snapshot
from demitasse.delivery.policy import Random
from demitasse.delivery.ports import (
    Alert,
    AlertKind,
    Alerts,
    Claims,
    Database,
    Endpoints,
    Resolver,
    Sender,
    Taken,
    Time,
    Want,
)
from demitasse.delivery.sending import Courier
from demitasse.delivery.settling import Settler
from demitasse.delivery.turns import Turns
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox import queries
from demitasse.outbox.model import DeliveryState, Message, QueuedDelivery, Settlement, to_microseconds
from demitasse.outbox.operations import forget

_log = structlog.get_logger("demitasse.delivery")

MAX_IN_FLIGHT = 256
_MAX_IN_MEMORY = 4_096
_MIN_WINDOW = 16
_SWEEP_S = 300.0
_PAUSE_S = 0.02
_AGAIN_S = 1.0
_LEASE_MARGIN_S = 60.0
_MAX_ALERTS = 1_000


class Dispatcher:
    """Delivers what is queued. All methods but ``offer`` belong to the loop's thread.

    Args:
        endpoints: The webhooks.
        alerts: Who is told of webhooks that were paused and deliveries that failed.
        claims: Which rows may be sent.
        database: The site's database.
        sender: Sends requests.
        resolver: Looks up named secrets.
        time: The clocks.
        random: Jitter; a number from 0 to 1.
        max_in_flight: Requests under way at a time, to all endpoints together.
    """

    def __init__(  # noqa: PLR0913 - it ties these together
        self,
        *,
        endpoints: Endpoints,
        alerts: Alerts,
        claims: Claims,
        database: Database,
        sender: Sender,
        resolver: Resolver,
        time: Time,
        random: Random = SystemRandom().random,
        max_in_flight: int = MAX_IN_FLIGHT,
    ) -> None:
        self._endpoints = endpoints
        self._claims = claims
        self._database = database
        self._time = time
        self._random = random
        self._max_in_flight = max_in_flight
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._counters = Counters()
        self._courier = Courier(
            sender=sender, time=time, random=random, counters=self._counters, on_finished=self._finished
        )
        self._settler = Settler(claims=claims, time=time, counters=self._counters, on_settled=self._settled)
        self._gates = Gatekeeper(
            database=database,
            endpoints=endpoints,
            alerts=alerts,
            claims=claims,
            resolver=resolver,
            time=time,
            spawn=self._spawn,
            on_open=self._look,
        )
        self._channels: dict[str, Channel] = {}
        self._turns = Turns()
        self._crowded: set[Channel] = set()
        self._wakes: list[tuple[float, str]] = []
        self._inbox: deque[QueuedDelivery] = deque()
        self._inbox_told = False
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._is_pumping = False
        self._is_closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._alerts: deque[Alert] = deque(maxlen=_MAX_ALERTS)
        self._timer = time.call_later(0, self._tick)
        self._timer_at_s = NEVER_S
