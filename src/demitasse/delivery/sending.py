"""Making an attempt: build the request, hand it to the sender, and make of its result what the delivery becomes."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from demitasse.delivery.attempt import Sent, conclude, retry_after_s
from demitasse.delivery.channel import Channel
from demitasse.delivery.classification import Blame, Judgement, could_not_send, judge
from demitasse.delivery.health import HEALTHY, FailureRun
from demitasse.delivery.metrics import Counters
from demitasse.delivery.policy import Random, wait_s
from demitasse.delivery.ports import Sender, Time
from demitasse.delivery.redaction import redact_url
from demitasse.kernel.errors import DemitasseError
from demitasse.outbox.model import Message, QueuedDelivery, Settlement, storable, to_microseconds
from demitasse.transports.model import SendResult

OnFinished = Callable[[Channel, Settlement, Judgement, FailureRun | None], None]
"""Gets the endpoint's run of failures where the attempt has changed it."""


class Courier:
    """Makes attempts, one for each call of ``send``, and tells what came of each exactly once."""

    def __init__(
        self, *, sender: Sender, time: Time, random: Random, counters: Counters, on_finished: OnFinished
    ) -> None:
        self._sender = sender
        self._time = time
        self._random = random
        self._counters = counters
        self._on_finished = on_finished
        self._log = structlog.get_logger("demitasse.delivery").bind()  # Once: it is asked for each attempt.

    def send(self, channel: Channel, delivery: QueuedDelivery, message: Message) -> None:
        """Make an attempt; ``on_finished`` hears of it later, never within this call."""
        now = self._time.utc_now()
        number = delivery.attempts + 1
        try:
            prepared = channel.requests.make(message, message_id=delivery.name, attempt=number, now=now)
        except DemitasseError as error:
            endpoint = channel.endpoint
            sent = Sent(
                delivery=delivery,
                message=message,
                number=number,
                at=now,
                shown_url=storable(redact_url(message.url or (endpoint.url if endpoint else ""))),
            )
            self._time.call_later(0, partial(self._finish, channel, sent, None, could_not_send(error.message)))
            return
        sent = Sent(
            delivery=delivery,
            message=message,
            number=number,
            at=now,
            shown_url=prepared.shown_url,
            shown_headers=prepared.shown_headers,
        )
        self._sender.start(prepared.request, partial(self._answered, channel, sent))

    def _answered(self, channel: Channel, sent: Sent, result: SendResult) -> None:
        self._finish(channel, sent, result, judge(result))

    def _finish(self, channel: Channel, sent: Sent, result: SendResult | None, judgement: Judgement) -> None:
        now = self._time.utc_now()
        endpoint = channel.endpoint
        if endpoint is None:
            raise LookupError(channel.name)
        run = self._learn(channel, judgement, result, now=now)
        settlement = conclude(
            sent,
            result,
            judgement,
            schedule=endpoint.schedule,
            is_active=endpoint.is_active,
            now=now,
            random=self._random,
        )
        self._count(settlement, result)
        self._on_finished(channel, settlement, judgement, run)

    def _learn(
        self, channel: Channel, judgement: Judgement, result: SendResult | None, *, now: datetime
    ) -> FailureRun | None:
        """Let the endpoint's breaker, pace and run of failures know; return the run if that has changed."""
        now_s, now_us = self._time.monotonic_s(), to_microseconds(now)
        before = channel.failures or HEALTHY
        match judgement.blame:
            case Blame.NOBODY:
                channel.breaker.succeeded()
                channel.pace.kept_up()
                channel.failures = HEALTHY
            case Blame.ENDPOINT:
                channel.breaker.failed(now_s)
                channel.failures = before.failed(now_us)
            case Blame.CONTENT:
                channel.breaker.succeeded()  # It answered with a reason: it is up.
                channel.failures = before.failed(now_us)
            case Blame.OPERATOR:
                channel.breaker.abandoned()
        if judgement.is_slow:
            channel.pace.fell_behind()
        if judgement.is_overloaded:
            channel.wait(now_s + wait_s(retry_after_s(result, now=now)))
        channel.keep_hold_clock(now_s=now_s, now_us=now_us)
        return None if channel.failures is before or channel.failures == before else channel.failures

    def _count(self, settlement: Settlement, result: SendResult | None) -> None:
        attempt, delivery = settlement.attempt, settlement.delivery
        self._counters.attempts[delivery.webhook, attempt.outcome] += 1
        if settlement.is_final:
            self._counters.finished[delivery.webhook, settlement.state.value] += 1
        if result is not None:
            self._counters.latency.observe(result.duration_s)
        tell = self._log.debug if attempt.error is None else self._log.info
        tell(
            "delivery.attempted",
            delivery=delivery.name,
            webhook=delivery.webhook,
            doctype=settlement.doctype,
            document=settlement.document,
            attempt=attempt.number,
            outcome=attempt.outcome,
            status=attempt.status_code,
            duration_ms=attempt.duration_ms,
            state=settlement.state.value,
            retry_in_s=settlement.retry_after_us // 1_000_000,
            error=attempt.error,
        )
