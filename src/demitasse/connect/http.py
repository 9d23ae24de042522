"""Requests to providers: through the guarded sender, with one deadline, a capped answer, and no redirect followed."""

from collections.abc import Mapping

from demitasse.connect.errors import Misconfigured, ProviderUnavailable
from demitasse.connect.ports import Reply
from demitasse.transports.addresses import AllowList, refusal
from demitasse.transports.errors import UnusableUrl
from demitasse.transports.model import Outcome, OutgoingRequest, SendResult
from demitasse.transports.one_off import send_once
from demitasse.transports.urls import Target, parse_url

TIMEOUT_S = 10.0
_MAX_ANSWER_BYTES = 262_144
_NEVER_SENT = frozenset({Outcome.DNS, Outcome.REFUSED})
_WORDS = {
    Outcome.DNS: "its name cannot be looked up",
    Outcome.REFUSED: "it refuses connections",
    Outcome.TLS: "its certificate cannot be trusted, or TLS failed",
    Outcome.TIMEOUT: "it did not answer in time",
    Outcome.RESET: "it broke the connection off",
    Outcome.TOO_LARGE: "its answer is too large",
    Outcome.INVALID: "its answer cannot be read",
    Outcome.PROXY: "the proxy did not let us through",
}


class ProviderHttp:
    """Sends requests to providers.

    Args:
        allow: Private places that may be reached all the same (``webhook_allow_hosts``).
    """

    def __init__(self, *, allow: AllowList) -> None:
        self._allow = allow

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Return the answer, whatever its status.

        Raises:
            ProviderUnavailable: none came in time, or one that cannot be read.
            Misconfigured: the address is none that this site may send secrets to.
        """
        target = self._checked(url)
        request = OutgoingRequest(
            method=method,
            url=url,
            headers=tuple(headers.items()),
            body=body,
            timeout_s=TIMEOUT_S,
            max_response_bytes=_MAX_ANSWER_BYTES,
        )
        result = send_once(request, allow=self._allow)
        if result.outcome is Outcome.BLOCKED:
            message = (
                f"{target.authority} is no public address: if the provider is there, add it to webhook_allow_hosts"
            )
            raise Misconfigured(message, host=target.authority)
        if result.outcome is not Outcome.ANSWERED or result.status is None or result.truncated:
            raise _unavailable(target, result)
        return Reply(status=result.status, body=result.body)

    def _checked(self, url: str) -> Target:
        """Refuse what is no address, and what would carry secrets over the internet in clear."""
        try:
            target = parse_url(url)
        except UnusableUrl as error:
            message = f"An address of the provider cannot be used: {error.message}"
            raise Misconfigured(message) from error
        if target.scheme == "https" or not self._is_public(target):
            return target
        message = (
            f"{target.authority} is asked over http, where everybody on the way can read secrets: use https. "
            "Only hosts in webhook_allow_hosts may be without"
        )
        raise Misconfigured(message, host=target.authority)

    def _is_public(self, target: Target) -> bool:
        if isinstance(target.host, str):
            return target.host not in self._allow.hosts and target.host != "localhost"
        return refusal(target.host) is None


def _unavailable(target: Target, result: SendResult) -> ProviderUnavailable:
    reason = "its answer is too large" if result.truncated else _WORDS.get(result.outcome, "it did not answer")
    return ProviderUnavailable(
        f"The provider at {target.authority} cannot be asked: {reason}. What was granted is kept; try again later",
        may_be_repeated=result.outcome in _NEVER_SENT,
        host=target.authority,
        outcome=result.outcome.value,
    )
