"""What an attempt's result means, for the delivery and for its endpoint."""

from dataclasses import dataclass
from enum import Enum

from demitasse.transports.model import Outcome, SendResult

_SUCCESS = range(200, 300)
_REDIRECTION = range(300, 400)
_CLIENT_ERROR = range(400, 500)
_GONE = 410
_OVERLOADED = frozenset({429, 503})
# The receiver is well and read the request: it refuses this one, and may take the next.
_ABOUT_CONTENT = frozenset({400, 409, 411, 413, 415, 422, 431})
_MAX_LOCATION = 200

_ADVICE = {
    400: "it found the request malformed. Compare the body with what the receiver expects",
    401: "it wants credentials. Check the webhook's headers and secret",
    402: "it wants to be paid first. Ask whoever runs it",
    403: "it refuses us. Check the webhook's headers and secret, and the receiver's list of allowed senders",
    404: "there is nothing at this URL. Check the request URL",
    405: "the URL does not take this method. Check the request method",
    408: "it waited too long for the request",
    409: "the request conflicts with what it has",
    411: "it wants the length of the body in a form that we do not send",
    413: "the body is too large for it. Send fewer fields",
    415: "it does not take this type of body. Check the request structure and the Content-Type header",
    422: "it cannot process the content. Compare the body with what the receiver expects",
    425: "it does not want to risk a repeat yet",
    429: "it gets more requests than it wants. It is left alone for a while; a rate limit on the webhook avoids this",
    431: "the headers are too large for it. Remove some from the webhook",
    500: "it failed. Look into its log",
    501: "it does not know this method. Check the request method",
    502: "a gateway before it got no good answer. Look into the receiver's log",
    503: "it is not available. It is left alone for a while",
    504: "a gateway before it waited too long. Answer first and work afterwards",
}


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
        error=_words(status, outcome, result),
        is_overloaded=status in _OVERLOADED,
        is_slow=status in _OVERLOADED or outcome == "server_error",
    )


def _words(status: int, outcome: str, result: SendResult) -> str:
    if outcome == "redirect":
        location = header(result, "location")
        to = f" to {location[:_MAX_LOCATION]}" if location else ""
        return f"The receiver answered {status}, a redirect{to}. Redirects are not followed: enter the final URL"
    if outcome == "gone":
        return "The receiver answered 410: it wants no more of these events. The webhook was paused, and its events are held"
    advice = _ADVICE.get(status) or _ADVICE[500 if outcome == "server_error" else 400]
    return f"The receiver answered {status}: {advice}"


def header(result: SendResult, name: str) -> str | None:
    """Return the first value of an answer's header; ``name`` is in lower case."""
    for key, value in result.headers:
        if key.lower() == name:
            return value
    return None
