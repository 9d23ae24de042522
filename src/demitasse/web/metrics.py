"""What delivery, jobs and live push count, in the text form that Prometheus reads."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from demitasse.delivery.breaker import BreakerState
from demitasse.delivery.metrics import LATENCY_BOUNDS_S, Snapshot
from demitasse.jobs.metrics import JobsSnapshot
from demitasse.live.model import Counts
from demitasse.outbox.model import from_microseconds

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WEBHOOK = ("webhook",)


def exposition(
    snapshot: Snapshot, *, jobs: JobsSnapshot, now: datetime, waiting_writes: int, live: Counts | None = None
) -> bytes:
    """Return the metrics of a site.

    Args:
        jobs: What the worker counts.
        live: What live push counts.
        waiting_writes: Writes of requests that wait for the next commit.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once([*_queue(snapshot, now), *_attempts(snapshot), *_endpoints(snapshot), *_process(snapshot)]))
    registry.register(_Once(_jobs(jobs, now)))
    registry.register(_Once([GaugeMetricFamily("demitasse_writes_waiting", "Writes that wait.", value=waiting_writes)]))
    if live is not None:
        registry.register(_Once(_live(live)))
    return generate_latest(registry)


class _Once(Collector):
    """Gives the families that were made for this answer."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    @override
    def collect(self) -> Iterable[Metric]:
        return self._families


def _queue(snapshot: Snapshot, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "demitasse_webhook_waiting", "Deliveries that wait or are tried again.", labels=_WEBHOOK
    )
    held = GaugeMetricFamily("demitasse_webhook_held", "Deliveries that are held.", labels=_WEBHOOK)
    overdue = GaugeMetricFamily(
        "demitasse_webhook_oldest_due_seconds", "How long the oldest delivery is overdue.", labels=_WEBHOOK
    )
    for name, depth in snapshot.queues.items():
        waiting.add_metric([name], depth.waiting)
        held.add_metric([name], depth.held)
        oldest = depth.oldest_due_at_us
        late_s = 0.0 if oldest is None else (now - from_microseconds(oldest)).total_seconds()
        overdue.add_metric([name], max(0.0, late_s))
    yield from (waiting, held, overdue)


def _attempts(snapshot: Snapshot) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "demitasse_webhook_attempts", "Attempts of this process by outcome.", labels=("webhook", "outcome")
    )
    for labels, count in snapshot.attempts.items():
        attempts.add_metric(labels, count)
    finished = CounterMetricFamily(
        "demitasse_webhook_finished", "Deliveries that this process finished, by state.", labels=("webhook", "status")
    )
    for labels, count in snapshot.finished.items():
        finished.add_metric(labels, count)
    bounds = [*(str(bound) for bound in LATENCY_BOUNDS_S), "+Inf"]
    duration = HistogramMetricFamily(
        "demitasse_webhook_attempt_duration_seconds",
        "How long attempts took, from the look-up of the name to the last byte.",
        buckets=list(zip(bounds, map(float, accumulate(snapshot.latency_counts)), strict=True)),
        sum_value=snapshot.latency_total_s,
    )
    yield from (attempts, finished, duration)


def _endpoints(snapshot: Snapshot) -> Iterator[Metric]:
    breaker = GaugeMetricFamily(
        "demitasse_webhook_breaker", "1 for the state that the breaker is in.", labels=("webhook", "state")
    )
    in_flight = GaugeMetricFamily("demitasse_webhook_in_flight", "Requests under way.", labels=_WEBHOOK)
    concurrency = GaugeMetricFamily(
        "demitasse_webhook_concurrency", "Requests that may be under way at a time now.", labels=_WEBHOOK
    )
    for name, endpoint in snapshot.endpoints.items():
        for state in BreakerState:
            breaker.add_metric([name, state.value], float(endpoint.breaker == state.value))
        in_flight.add_metric([name], endpoint.in_flight)
        concurrency.add_metric([name], endpoint.concurrency)
    yield from (breaker, in_flight, concurrency)


def _process(snapshot: Snapshot) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "demitasse_webhook_unsettled", "Results that are not durable yet.", value=snapshot.unsettled
    )
    yield CounterMetricFamily(
        "demitasse_webhook_settle_failures",
        "Batches of results that could not be written.",
        value=snapshot.settle_failures,
    )


def _live(counts: Counts) -> Iterator[Metric]:
    yield GaugeMetricFamily("demitasse_live_connections", "Clients of live push.", value=counts.connections)
    yield GaugeMetricFamily(
        "demitasse_live_connections_behind", "Clients that take what is sent too slowly.", value=counts.behind
    )
    yield GaugeMetricFamily("demitasse_live_topics", "Topics that somebody listens to.", value=counts.topics)
    yield CounterMetricFamily("demitasse_live_messages", "Messages for clients.", value=counts.messages)
    yield GaugeMetricFamily(
        "demitasse_live_kept_bytes", "Size of the messages kept for those who come back.", value=counts.kept_bytes
    )


def _jobs(snapshot: JobsSnapshot, now: datetime) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("demitasse_jobs_waiting", "Jobs that wait or run.", labels=("queue",))
    overdue = GaugeMetricFamily(
        "demitasse_jobs_oldest_due_seconds", "How long the oldest job is overdue.", labels=("queue",)
    )
    for queue, (count, due_us) in snapshot.queues.items():
        waiting.add_metric([queue], count)
        overdue.add_metric([queue], max(0.0, (now - from_microseconds(due_us)).total_seconds()) if due_us else 0.0)
    running = GaugeMetricFamily("demitasse_jobs_running", "Jobs that this process runs.", labels=("queue",))
    for queue, count in snapshot.running.items():
        running.add_metric([queue], count)
    ended = CounterMetricFamily("demitasse_jobs_ended", "Runs of this process by outcome.", labels=("queue", "outcome"))
    for labels, count in snapshot.ended.items():
        ended.add_metric(labels, count)
    yield from (waiting, overdue, running, ended)
    yield CounterMetricFamily("demitasse_jobs_seconds", "How long these runs took together.", value=snapshot.duration_s)
