"""Why a site could not be reached, for whoever called it."""

from demitasse.client.errors import ClientError, SiteUnreachable, UnusableAnswer
from demitasse.transports.model import Outcome, SendResult

_NEVER_SENT = frozenset({Outcome.DNS, Outcome.REFUSED, Outcome.BLOCKED})
_WORDS = {
    Outcome.DNS: "The host name of {where} was not found. Check the URL's spelling.",
    Outcome.REFUSED: "{where} does not accept connections. Check that the site runs, and the URL's port.",
    Outcome.TIMEOUT: "{where} did not answer within {timeout_s:g} s.",
    Outcome.RESET: "{where} closed the connection before its answer was complete.",
    Outcome.TOO_LARGE: "{where} answered with headers that are too large to read.",
}
_FINAL = frozenset({Outcome.INVALID, Outcome.TLS, Outcome.TOO_LARGE})
"""Asking again gives the same."""


def unreachable(result: SendResult, *, where: str, timeout_s: float) -> ClientError:
    """Return the error of a request that got no answer."""
    message = _WORDS.get(result.outcome, "{error}").format(where=where, timeout_s=timeout_s, error=result.error)
    if result.outcome in _FINAL:
        return UnusableAnswer(message, status=result.status or 0, is_transient=False)
    return SiteUnreachable(message, was_sent=result.outcome not in _NEVER_SENT)
