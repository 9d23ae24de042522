"""What became of an attempt, in plain words."""

import pytest

from demitasse.delivery.classification import judge
from demitasse.delivery.wording import headline
from demitasse.transports.model import Outcome, SendResult


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.ANSWERED])
def test_every_fault_has_words_of_its_own(outcome: Outcome) -> None:
    judged = judge(SendResult(outcome=outcome, error="why"))
    assert headline(judged.outcome, 0) != judged.outcome.replace("_", " ").capitalize() or judged.outcome == "redirect"


@pytest.mark.parametrize("status", [200, 302, 401, 404, 410, 418, 429, 500, 503, 599])
def test_an_answer_is_named_with_its_code(status: int) -> None:
    judged = judge(SendResult(outcome=Outcome.ANSWERED, status=status))
    assert headline(judged.outcome, status).endswith(f"({status})")
    assert judged.outcome not in headline(judged.outcome, status)


def test_a_word_from_elsewhere_is_shown_as_it_is() -> None:
    assert headline("cosmic_rays", 0) == "Cosmic rays"
    assert headline("", 0) == "Not sent"
