"""What Prometheus reads of a snapshot."""

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from demitasse.delivery.metrics import LATENCY_BOUNDS_S, EndpointView, Snapshot
from demitasse.jobs.metrics import JobsSnapshot
from demitasse.outbox.model import to_microseconds
from demitasse.outbox.queries import QueueDepth
from demitasse.web.metrics import exposition

JOBS = JobsSnapshot(
    queues={"default": (3, to_microseconds(datetime(2026, 3, 1, 11, 59, tzinfo=UTC)))},
    running={"default": 2},
    ended={("default", "failed"): 4},
    duration_s=1.5,
)
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ODD = 'a "webhook"\nwith \\ all'


def samples(**more: object) -> dict[tuple[str, frozenset[str]], float]:
    values: dict[str, object] = {
        "queues": {},
        "endpoints": {},
        "attempts": {},
        "finished": {},
        "latency_counts": (0,) * (len(LATENCY_BOUNDS_S) + 1),
        "latency_total_s": 0.0,
        "in_flight": 0,
        "unsettled": 0,
        "settle_failures": 0,
        **more,
    }
    text = exposition(Snapshot(**values), jobs=JOBS, now=NOW, waiting_writes=3).decode()  # type: ignore[arg-type]
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_quiet_site_has_metrics_too() -> None:
    found = samples()
    assert found["demitasse_writes_waiting", frozenset()] == 3
    assert found["demitasse_webhook_unsettled", frozenset()] == 0


def test_the_oldest_is_overdue_since_it_was_due() -> None:
    due = to_microseconds(NOW) - 90_000_000
    found = samples(queues={"crm": QueueDepth(waiting=7, held=2, oldest_due_at_us=due)})
    assert found["demitasse_webhook_waiting", frozenset({"crm"})] == 7
    assert found["demitasse_webhook_held", frozenset({"crm"})] == 2
    assert found["demitasse_webhook_oldest_due_seconds", frozenset({"crm"})] == 90


def test_what_is_due_later_is_not_overdue() -> None:
    due = to_microseconds(NOW) + 90_000_000
    found = samples(queues={"crm": QueueDepth(waiting=1, held=0, oldest_due_at_us=due)})
    assert found["demitasse_webhook_oldest_due_seconds", frozenset({"crm"})] == 0


def test_the_histogram_adds_up() -> None:
    counts = tuple(range(len(LATENCY_BOUNDS_S) + 1))
    found = samples(latency_counts=counts, latency_total_s=12.5)
    name = "demitasse_webhook_attempt_duration_seconds"
    assert found[f"{name}_bucket", frozenset({str(LATENCY_BOUNDS_S[2])})] == 0 + 1 + 2
    assert found[f"{name}_bucket", frozenset({"+Inf"})] == found[f"{name}_count", frozenset()] == sum(counts)
    assert found[f"{name}_sum", frozenset()] == 12.5


def test_names_of_any_letters_survive() -> None:
    view = EndpointView(breaker="half_open", in_flight=1, concurrency=4, in_memory=0)
    found = samples(endpoints={ODD: view}, attempts={(ODD, "timeout"): 5})
    assert found["demitasse_webhook_attempts_total", frozenset({ODD, "timeout"})] == 5
    assert found["demitasse_webhook_breaker", frozenset({ODD, "half_open"})] == 1
    assert found["demitasse_webhook_breaker", frozenset({ODD, "closed"})] == 0


def test_jobs_are_counted_beside_deliveries() -> None:
    found = samples()
    default = frozenset({"default"})
    assert found["demitasse_jobs_waiting", default] == 3
    assert found["demitasse_jobs_oldest_due_seconds", default] == 60
    assert found["demitasse_jobs_running", default] == 2
    assert found["demitasse_jobs_ended_total", frozenset({"default", "failed"})] == 4
    assert found["demitasse_jobs_seconds_total", frozenset()] == 1.5
