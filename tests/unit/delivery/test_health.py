"""When an endpoint is left alone."""

from demitasse.delivery.health import HEALTHY, MIN_FAILURES, PAUSE_AFTER_US, FailureRun


def test_a_run_remembers_when_it_began_and_counts() -> None:
    run = HEALTHY.failed(100).failed(200).failed(300)

    assert run == FailureRun(since_us=100, failures=3)


def test_five_days_with_many_failures_are_hopeless() -> None:
    run = FailureRun(since_us=1, failures=MIN_FAILURES)

    assert run.is_hopeless(1 + PAUSE_AFTER_US)
    assert not run.is_hopeless(PAUSE_AFTER_US)


def test_a_few_failures_far_apart_are_not_hopeless() -> None:
    assert not FailureRun(since_us=1, failures=MIN_FAILURES - 1).is_hopeless(10 * PAUSE_AFTER_US)
