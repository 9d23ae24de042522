"""What an attempt's result means, for the delivery and for its endpoint."""

from dataclasses import dataclass
from enum import Enum

from demitasse.delivery.wording import refusal
from demitasse.transports.model import Outcome, SendResult

_SUCCESS = range(200, 300)
_REDIRECTION = range(300, 400)
_CLIENT_ERROR = range(400, 500)
_GONE = 410
_OVERLOADED = frozenset({429, 503})
# The receiver is well and read the request: it refuses this one, and may take the next.
_ABOUT_CONTENT = frozenset({400, 409, 411, 413, 415, 422, 431})


class Verdict(Enum):
    """What becomes of the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISABLE = "disable"


class Blame(Enum):
    """Whom a failure speaks against: only the endpoint's own count for its breaker and for pausing it."""

    NOBODY = "nobody"
    ENDPOINT = "endpoint"
    CONTENT = "content"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The meaning of a result.

    Args:
        outcome: A word for the log and the metrics.
        error: For people: what is wrong and what to do.
        is_overloaded: The endpoint asks to be left alone for a while.
        is_slow: The endpoint did not keep up: it should get fewer requests at a time.
    """

    verdict: Verdict
    blame: Blame
    outcome: str
    error: str | None = None
    is_overloaded: bool = False
    is_slow: bool = False


_DELIVERED = Judgement(verdict=Verdict.DELIVERED, blame=Blame.NOBODY, outcome="delivered")
_BLAMES = {
    Outcome.DNS: Blame.ENDPOINT,
    Outcome.BLOCKED: Blame.OPERATOR,
    Outcome.REFUSED: Blame.ENDPOINT,
    Outcome.TLS: Blame.ENDPOINT,
    Outcome.TIMEOUT: Blame.ENDPOINT,
    Outcome.RESET: Blame.ENDPOINT,
    Outcome.TOO_LARGE: Blame.ENDPOINT,
    Outcome.INVALID: Blame.ENDPOINT,
    Outcome.PROXY: Blame.OPERATOR,
}


def judge(result: SendResult) -> Judgement:
    """Return what the result of a request means."""
    if result.outcome is not Outcome.ANSWERED:
        return Judgement(
            verdict=Verdict.RETRY,
            blame=_BLAMES[result.outcome],
            outcome=result.outcome.value,
            error=result.error or "The request failed",
            is_slow=result.outcome in {Outcome.TIMEOUT, Outcome.RESET, Outcome.REFUSED},
        )
    status = result.status or 0
    return _DELIVERED if status in _SUCCESS else _refusal(status, result)


def could_not_send(reason: str) -> Judgement:
    """Return the judgement of an attempt that did not leave, as something of this site is missing or wrong."""
    return Judgement(verdict=Verdict.RETRY, blame=Blame.OPERATOR, outcome="not_sent", error=reason)


def _refusal(status: int, result: SendResult) -> Judgement:
    verdict, blame = Verdict.RETRY, Blame.ENDPOINT
    if status in _REDIRECTION:
        outcome = "redirect"
    elif status == _GONE:
        outcome, verdict = "gone", Verdict.DISABLE
    elif status in _OVERLOADED:
        outcome = "overloaded"
    elif status in _CLIENT_ERROR:
        outcome = "client_error"
        blame = Blame.CONTENT if status in _ABOUT_CONTENT else Blame.ENDPOINT
    else:
        outcome = "server_error"
    return Judgement(
        verdict=verdict,
        blame=blame,
        outcome=outcome,
        error=refusal(status, outcome, location=header(result, "location")),
        is_overloaded=status in _OVERLOADED,
        is_slow=status in _OVERLOADED or outcome == "server_error",
    )


def header(result: SendResult, name: str) -> str | None:
    """Return the first value of an answer's header; ``name`` is in lower case."""
    for key, value in result.headers:
        if key.lower() == name:
            return value
    return None
