"""`/metrics`, and who may read it."""

from collections.abc import Callable

from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.receiver import Receiver
from tests.e2e.site import Client, ServedSite
from tests.e2e.webhooks import add_lead, add_webhook, unique, wait_for_status


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(webhook: str, **more: str) -> frozenset[tuple[str, str]]:
    return frozenset({"webhook": webhook, **more}.items())


def test_attempts_states_and_durations_are_counted(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('metrics')}"))
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, webhook, "Delivered")
    found = samples(admin.get("/metrics").text)
    assert found["demitasse_webhook_attempts_total", of(webhook, outcome="delivered")] == 1
    assert found["demitasse_webhook_finished_total", of(webhook, status="Delivered")] == 1
    assert found["demitasse_webhook_breaker", of(webhook, state="closed")] == 1
    assert found["demitasse_webhook_breaker", of(webhook, state="open")] == 0
    count = found["demitasse_webhook_attempt_duration_seconds_count", frozenset()]
    assert count == found["demitasse_webhook_attempt_duration_seconds_bucket", frozenset({("le", "+Inf")})] >= 1


def test_what_is_held_is_counted(admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('metrics')}"), paused=1)
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, webhook, "Held")
    assert samples(admin.get("/metrics").text)["demitasse_webhook_held", of(webhook)] == 1


def test_metrics_are_for_system_managers(site: ServedSite, guest: Client) -> None:
    assert guest.get("/metrics").status == 401
    with site.client("token wrong:credentials") as wrong:
        assert wrong.get("/metrics").status == 401


def test_a_site_may_make_its_metrics_public(copy_site: Callable[[], ServedSite]) -> None:
    served = copy_site().start(DEMITASSE_METRICS_PUBLIC="1")
    with served.guest() as guest:
        assert guest.get("/metrics").status == 200
