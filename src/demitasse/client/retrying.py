"""When to ask again: pure."""

from dataclasses import dataclass

from demitasse.client.answers import has_not_happened, is_transient
from demitasse.client.errors import ClientError, SiteError
from demitasse.client.model import ApiRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patiently a site is asked.

    Args:
        max_attempts: 1 never asks again.
        first_delay_s: Before the second attempt; doubled for each further one, and varied by up to half.
        max_delay_s: The longest wait, and the longest ``Retry-After`` that is waited for.
        honours_idempotency_keys: The site runs a write once per ``Idempotency-Key``, so that writes may be sent again
            too. Frappe does not; here it is so for functions that declare it.
    """

    max_attempts: int = 5
    first_delay_s: float = 0.5
    max_delay_s: float = 30.0
    honours_idempotency_keys: bool = False

    def delay_s(self, request: ApiRequest, error: ClientError, *, attempts: int, chance: float) -> float | None:
        """Return how long to wait before the next attempt, or ``None`` when the error stands.

        Args:
            attempts: Made already, at least 1.
            chance: A random number from 0 to 1.
        """
        if attempts >= self.max_attempts or not is_transient(error) or not self._may_repeat(request, error):
            return None
        delay_s = min(self.max_delay_s, self.first_delay_s * 2.0 ** (attempts - 1)) * (1 - chance / 2)
        asked_s = error.retry_after_s if isinstance(error, SiteError) else None
        if asked_s is None:
            return delay_s
        return None if asked_s > self.max_delay_s else max(asked_s, delay_s)

    def _may_repeat(self, request: ApiRequest, error: ClientError) -> bool:
        if request.is_safe or has_not_happened(error):
            return True
        return self.honours_idempotency_keys and any(name == "Idempotency-Key" for name, _ in request.headers)


NO_RETRIES = RetryPolicy(max_attempts=1)
