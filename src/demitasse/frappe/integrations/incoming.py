"""Decorators that guard whitelisted functions: ``signed_by`` and ``idempotent``.

They may stand above or below ``@frappe.whitelist`` and each other: the signature is verified first, then the key is
looked up, then the function is called with those of the sent values that it takes.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from inspect import Parameter, Signature
from typing import Any, TypeVar

import structlog

from demitasse.frappe.context import Call, current
from demitasse.frappe.exceptions import InvalidSignatureError
from demitasse.frappe.integrations import incoming_log
from demitasse.frappe.integrations.keyed_calls import (
    Attempt,
    IdempotencyKeyReusedError,
    InvalidIdempotencyKeyError,
    KeyOf,
    Keys,
    RequestInProgressError,
    scope_for,
)
from demitasse.frappe.whitelisting import arguments_for
from demitasse.incoming import operations
from demitasse.incoming.allowance import Allowance
from demitasse.incoming.idempotency import scope_of
from demitasse.incoming.model import Scheme, Verdict, scheme_of
from demitasse.incoming.verification import replayed, verify
from demitasse.kernel.clock import monotonic_s
from demitasse.vault.errors import MissingSecret
from demitasse.vault.references import References

F = TypeVar("F", bound=Callable[..., Any])
Secret = str | Callable[[], str | None] | Sequence[str]

_log = structlog.get_logger("demitasse.incoming")
_GUARD = "__demitasse_guard__"
_VERDICT = "incoming_verdict"
_TAKES_ALL = Signature([Parameter("sent", Parameter.VAR_KEYWORD)])
_REFUSALS_LOGGED_PER_MINUTE = 60


def signed_by(
    preset: str,
    *,
    secret: Secret,
    header: str | None = None,
    algorithm: str | None = None,
    prefix: str | None = None,
    tolerance_s: int | None = None,
) -> Callable[[F], F]:
    """Let a whitelisted function be called only by who signed the request.

    Every call is logged as an Integration Request. A message with a signed id that was taken before is answered with
    ``{"status": "duplicate"}`` and not worked on again; one with only a time is then refused.

    Args:
        preset: ``hmac_hex``, ``hmac_base64``, ``frappe``, ``standard_webhooks``, ``svix``, ``stripe``, ``github``,
            ``shopify`` or ``slack``.
        secret: ``conf:key`` or ``env:NAME``, several of them while a secret is being changed, or a function that returns
            the secret. Where none is set the function answers nobody.
        header: Where the signature stands, unless where the preset has it.
        algorithm: ``sha1``, ``sha256``, ``sha384`` or ``sha512``.
        prefix: What stands before the signature in its header.
        tolerance_s: How far the signed time may be from now.

    Raises:
        UnknownScheme: there is no such preset.
        InvalidScheme: an option cannot be used.
    """
    scheme = scheme_of(preset, header=header, algorithm=algorithm, prefix=prefix, tolerance_s=tolerance_s)

    def decorate(function: F) -> F:
        guarded, guard = _guarded(function)
        guard.signature = _Signature(scheme=scheme, secret=secret)
        return guarded

    return decorate


def idempotent(*, header: str | None = "Idempotency-Key", key: KeyOf | None = None) -> Callable[[F], F]:
    """Answer a request that comes again under the same key with the first answer, without calling the function.

    Another body under a used key is refused (422), as is a second request while the first is worked on (409). Answers
    are kept for a day; errors are not kept. Guests have keys only where ``signed_by`` verifies them.

    Args:
        header: The header that carries the key; ``None`` for none.
        key: Returns a further key from what was sent, ``None`` where there is none:
            ``idempotent(key=lambda sent: sent.get("order_id"))``.
    """

    def decorate(function: F) -> F:
        guarded, guard = _guarded(function)
        guard.keys = Keys(header=None if header is None else header.lower(), key_of=key)
        return guarded

    return decorate


def verified() -> Verdict | None:
    """Return what the verification of the running call found: the signed id and time; ``None`` where none was made."""
    found: Verdict | None = current().flags.get(_VERDICT)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signature:
    scheme: Scheme
    secret: Secret

    def verdict(self, call: Call) -> Verdict:
        """Verify the request of a call."""
        request = call.request
        headers, body = (request.headers, request.body) if request else ({}, b"")
        return verify(self.scheme, headers, body, secrets=self._secrets(call), now=call.site.documents.clock())

    def _secrets(self, call: Call) -> list[str]:
        """Return the secrets that are set, and log which are not."""
        references = References(conf=call.site.settings.conf, environ=os.environ)
        secret = self.secret() if callable(self.secret) else self.secret
        found: list[str] = []
        for each in [secret] if isinstance(secret, str) else secret or ():
            try:
                found.append(references.resolve(each))
            except MissingSecret as error:
                _log.error("incoming.secret_missing", scheme=self.scheme.name, reference=error.data["reference"])
        return found


@dataclass(slots=True, kw_only=True)
class _Guard:
    """What stands before one function."""

    function: Callable[..., Any]
    path: str
    signature: _Signature | None = None
    keys: Keys | None = None
    refusals: Allowance = field(default_factory=lambda: Allowance(_REFUSALS_LOGGED_PER_MINUTE))

    def run(self, args: tuple[Any, ...], sent: Mapping[str, Any]) -> Any:
        """Verify, look the key up, call the function, store its answer, and log."""
        call = current()
        if self.signature is None:
            return self._run_keyed(call, None, args, sent)
        started_s = monotonic_s()
        verdict = self.signature.verdict(call)
        try:
            _demand(verdict)
            call.flags[_VERDICT] = verdict
            result = self._run_keyed(call, verdict, args, sent)
        except Exception as error:
            if isinstance(error, _Refused):
                verdict = error.verdict
            self._log_failed(call, verdict, error, started_s=started_s)
            raise
        incoming_log.log_answered(call, self.path, verdict, result, duration_s=monotonic_s() - started_s)
        return result

    def _log_failed(self, call: Call, verdict: Verdict, error: Exception, *, started_s: float) -> None:
        now_s = int(call.site.documents.clock().timestamp())
        if not verdict.is_good and not self.refusals.take(now_s=now_s):
            _log.warning("incoming.refused", function=self.path, check=verdict.summary)
            return
        incoming_log.log_failed(call, self.path, verdict, error, duration_s=monotonic_s() - started_s)

    def _run_keyed(self, call: Call, verdict: Verdict | None, args: tuple[Any, ...], sent: Mapping[str, Any]) -> Any:
        keys = self.keys.of(call) if self.keys and call.request and call.tx.writable else []
        if not keys:
            return self._run_once(call, verdict, args, sent)
        scope = scope_for(call, self.path, signer=None if verdict is None else verdict.scheme)
        return Attempt(call=call, scope=scope, keys=keys).run(lambda: self._run_once(call, verdict, args, sent))

    def _run_once(self, call: Call, verdict: Verdict | None, args: tuple[Any, ...], sent: Mapping[str, Any]) -> Any:
        if verdict is not None and verdict.replay_id and self.signature and call.tx.writable:
            source = scope_of(self.path, who=verdict.scheme)
            now_s = int(call.site.documents.clock().timestamp())
            if not operations.take_once(call.tx, self.signature.scheme, verdict, source=source, now_s=now_s):
                if verdict.message_id is None:
                    _demand(replayed(verdict))
                return {"status": "duplicate", "id": verdict.message_id}
        return self.function(*args, **(sent if args else arguments_for(self.function, sent)))


def _guarded(function: F) -> tuple[F, _Guard]:
    """Return the function behind a guard, and the guard; one guard stands before it however many decorators there are."""
    found: _Guard | None = getattr(function, _GUARD, None)
    if found is not None:
        return function, found
    guard = _Guard(function=function, path=f"{function.__module__}.{function.__qualname__}")

    @wraps(function)
    def endpoint(*args: Any, **sent: Any) -> Any:
        return guard.run(args, sent)

    # It takes everything, so that who is not let in is not told what the function takes.
    endpoint.__signature__ = _TAKES_ALL  # type: ignore[attr-defined]
    setattr(endpoint, _GUARD, guard)
    return endpoint, guard  # type: ignore[return-value]


class _Refused(InvalidSignatureError):
    """A request whose verification failed; ``data`` has ``check``."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message, check=verdict.summary)
        self.verdict = verdict


def _demand(verdict: Verdict) -> None:
    if not verdict.is_good:
        raise _Refused(verdict)


__all__ = [
    "IdempotencyKeyReusedError",
    "InvalidIdempotencyKeyError",
    "InvalidSignatureError",
    "RequestInProgressError",
    "idempotent",
    "signed_by",
    "verified",
]
