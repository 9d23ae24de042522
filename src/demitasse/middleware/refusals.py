"""What a person with a phone is told when the site refuses or fails: pure."""

from demitasse.client import errors
from demitasse.middleware.errors import Refusal
from demitasse.middleware.upstream import SiteDown

_TRY_AGAIN_S = 5.0
_UNREACHABLE = "The shop cannot be reached at the moment. Please try again in a little while."
_LATE = "The shop gave no answer in time. Please try again in a little while."
_FAILED = "The shop's system failed to answer. Please try again; if it stays so, tell the shop."
_NOT_ALLOWED = "The shop's system does not let this service do that. The operator must look at its key and permissions."
_WRONG_CALL = "The shop's system does not know what it was asked for. The operator must look at the mapping."


_STATUS: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.NotAuthenticated, 502, _NOT_ALLOWED),
    (errors.Forbidden, 502, _NOT_ALLOWED),
    (errors.ServerFailed, 502, _FAILED),
    (errors.UnusableAnswer, 502, _FAILED),
)
"""What is wrong on the shop's side: the phone is not told in the site's own words."""
_SAID: tuple[tuple[type[errors.SiteError], int, str], ...] = (
    (errors.NotFound, 404, _WRONG_CALL),
    (errors.Conflict, 409, "The shop's system has this already."),
    (errors.ValidationFailed, 422, "The shop's system does not accept this."),
    (errors.SiteError, 422, "The shop's system refused this."),
)
"""What is wrong with what was asked: the site's own words say it best."""


def refusal_of(error: Exception) -> Refusal:
    """Return the answer for an error of the site, without anything of its inside."""
    if isinstance(error, SiteDown | errors.RateLimited):
        return Refusal(_UNREACHABLE, status=503, retry_after_s=error.retry_after_s or _TRY_AGAIN_S)
    if isinstance(error, errors.SiteUnreachable):
        text, status = (_LATE, 504) if error.was_sent else (_UNREACHABLE, 503)
        return Refusal(text, status=status, retry_after_s=_TRY_AGAIN_S)
    for kind, status, text in _STATUS:
        if isinstance(error, kind):
            return Refusal(text, status=status, retry_after_s=_TRY_AGAIN_S if text is _FAILED else None)
    for told, status, otherwise in _SAID:
        if isinstance(error, told):
            return Refusal(_said(error, otherwise), status=status)
    return Refusal(_FAILED, status=502)


def _said(error: errors.SiteError, otherwise: str) -> str:
    """Return what the site says to people; its errors' messages are plain text without tags."""
    return " ".join(error.messages) or otherwise
