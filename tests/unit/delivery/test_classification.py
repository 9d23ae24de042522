"""What a result means."""

import pytest

from demitasse.delivery.classification import Blame, Verdict, could_not_send, judge
from demitasse.transports.model import Outcome, SendResult


def answered(status: int, **headers: str) -> SendResult:
    return SendResult(outcome=Outcome.ANSWERED, status=status, headers=tuple(headers.items()))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 299])
def test_every_2xx_is_a_delivery(status: int) -> None:
    judgement = judge(answered(status))

    assert (judgement.verdict, judgement.error) == (Verdict.DELIVERED, None)


def test_a_2xx_whose_body_was_cut_is_a_delivery() -> None:
    assert judge(SendResult(outcome=Outcome.ANSWERED, status=200, truncated=True)).verdict is Verdict.DELIVERED


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
def test_a_redirect_is_a_failure_that_names_where_it_leads(status: int) -> None:
    judgement = judge(answered(status, Location="https://new.example.com/" + "x" * 500))

    assert (judgement.verdict, judgement.outcome) == (Verdict.RETRY, "redirect")
    assert judgement.error is not None
    assert "https://new.example.com/" in judgement.error
    assert len(judgement.error) < 400


def test_410_disables() -> None:
    assert judge(answered(410)).verdict is Verdict.DISABLE


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_receiver_is_left_alone(status: int) -> None:
    judgement = judge(answered(status))

    assert (judgement.verdict, judgement.is_overloaded, judgement.is_slow) == (Verdict.RETRY, True, True)


@pytest.mark.parametrize(
    ("status", "blame", "outcome"),
    [
        (400, Blame.CONTENT, "client_error"),
        (422, Blame.CONTENT, "client_error"),
        (401, Blame.ENDPOINT, "client_error"),
        (404, Blame.ENDPOINT, "client_error"),
        (418, Blame.ENDPOINT, "client_error"),
        (500, Blame.ENDPOINT, "server_error"),
        (599, Blame.ENDPOINT, "server_error"),
        (600, Blame.ENDPOINT, "server_error"),
    ],
)
def test_a_refusal_is_tried_again_and_says_whose_it_is(status: int, blame: Blame, outcome: str) -> None:
    judgement = judge(answered(status))

    assert (judgement.verdict, judgement.blame, judgement.outcome) == (Verdict.RETRY, blame, outcome)
    assert judgement.error is not None
    assert str(status) in judgement.error


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
def test_every_fault_of_the_way_is_tried_again_with_its_reason(outcome: Outcome) -> None:
    judgement = judge(SendResult(outcome=outcome, error="a reason"))

    assert (judgement.verdict, judgement.outcome, judgement.error) == (Verdict.RETRY, outcome.value, "a reason")
    assert judgement.blame is (Blame.OPERATOR if outcome in {Outcome.PROXY, Outcome.BLOCKED} else Blame.ENDPOINT)


def test_an_answer_that_broke_off_is_no_delivery() -> None:
    assert judge(SendResult(outcome=Outcome.RESET, status=200, error="broke off")).verdict is Verdict.RETRY


def test_what_this_site_lacks_is_not_the_endpoints_fault() -> None:
    judgement = could_not_send("env:KEY is not set")

    assert (judgement.verdict, judgement.blame, judgement.error) == (
        Verdict.RETRY,
        Blame.OPERATOR,
        "env:KEY is not set",
    )
