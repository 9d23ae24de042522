"""Calls under an idempotency key: run once, then answered again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.frappe.context import Call
from demitasse.incoming import operations
from demitasse.incoming.idempotency import Step, StoredAnswer, hash_request, is_usable_key, scope_of
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError

KeyOf = Callable[[Mapping[str, Any]], Any]
_OK = 200
_in_flight = operations.InFlight()


class RequestInProgressError(DemitasseError):
    """The first request with this key is still being answered."""

    code = "request_in_progress"
    http_status_code = 409


class IdempotencyKeyReusedError(DemitasseError):
    """The key was used for another request."""

    code = "idempotency_key_reused"
    http_status_code = 422


class InvalidIdempotencyKeyError(DemitasseError):
    """The key cannot be used, or not by this caller."""

    code = "invalid_idempotency_key"
    http_status_code = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Where the keys of a function's requests stand."""

    header: str | None
    key_of: KeyOf | None

    def of(self, call: Call) -> list[str]:
        """Return the keys that a request carries, each marked with where it was found."""
        found = []
        sent = call.request.headers.get(self.header) if self.header and call.request else None
        if sent is not None:
            found.append(_usable("head", sent))
        chosen = self.key_of(call.arguments) if self.key_of else None
        if chosen is not None and chosen != "":
            if not isinstance(chosen, str | int):
                raise _invalid_key()
            found.append(_usable("sent", str(chosen)))
        return found


def scope_for(call: Call, function: str, *, signer: str | None) -> str:
    """Return for whom a key counts at a function.

    Args:
        signer: The scheme by which the request was verified.

    Raises:
        InvalidIdempotencyKeyError: nobody knows who asks.
    """
    if signer is None and call.actor.is_guest:
        message = "A key counts only for who is known: log in, or sign the request where the endpoint takes signatures"
        raise InvalidIdempotencyKeyError(message)
    return scope_of(function, who=f"signed:{signer} user:{call.actor.user}" if signer else f"user:{call.actor.user}")


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One request under its keys.

    Args:
        is_committed: The function committed by itself, so that the reservation outlives its failure.
    """

    call: Call
    scope: str
    keys: Sequence[str]
    is_committed: bool = False

    def run(self, work: Callable[[], Any]) -> Any:
        """Do the work unless the keys say otherwise, and return its answer or the first one.

        Raises:
            RequestInProgressError: the first request is not done yet.
            IdempotencyKeyReusedError: the first request was another one.
        """
        call, request = self.call, self.call.request
        method, body = (request.method, request.body) if request else ("", b"")
        request_hash = hash_request(method, body, query=json.encode(call.arguments))
        now_s = int(call.site.documents.clock().timestamp())
        site = str(call.site.settings.site)
        with _in_flight.working(site, self.scope, self.keys, request_hash=request_hash) as held:
            decision = held
            if held.step is Step.RUN:
                decision = operations.begin(
                    call.tx,
                    self.scope,
                    self.keys,
                    request_hash=request_hash,
                    now_s=now_s,
                    is_only_process=call.site.settings.is_sqlite,
                )
            match decision.step:
                case Step.CHANGED:
                    message = "This key was used for another request: send the same one again, or use a new key"
                    raise IdempotencyKeyReusedError(message)
                case Step.IN_PROGRESS:
                    message = "The first request with this key is still being answered: ask again in a moment"
                    raise RequestInProgressError(message)
                case Step.ANSWER_AGAIN if decision.answer is not None:
                    return self._answer_again(decision.answer)
            result = self._reserved(work)
            answer = self._answer(result)
            operations.finish(call.tx, self.scope, self.keys, answer, request_hash=request_hash, now_s=now_s)
            return result

    def _reserved(self, work: Callable[[], Any]) -> Any:
        self.call.tx.after_commit(self._committed)
        try:
            return work()
        except BaseException:
            if self.is_committed:
                self.call.after_call.append(lambda tx: operations.release(tx, self.scope, self.keys))
            raise

    def _committed(self) -> None:
        self.is_committed = True

    def _answer(self, result: Any) -> StoredAnswer:
        more = dict(self.call.response)
        status = int(more.pop("http_status_code", _OK))
        content = json.encode({"result": result, "more": more, "messages": self.call.messages})
        return StoredAnswer(status=status, content=content.decode())

    def _answer_again(self, answer: StoredAnswer) -> Any:
        content = json.decode(answer.content)
        self.call.response.update(content["more"])
        if answer.status != _OK:
            self.call.response["http_status_code"] = answer.status
        self.call.messages.extend(content["messages"])
        return content["result"]


def _usable(place: str, key: str) -> str:
    if not is_usable_key(key):
        raise _invalid_key()
    return f"{place}:{key}"


def _invalid_key() -> InvalidIdempotencyKeyError:
    message = "The key cannot be used: it must be 1 to 250 visible ASCII characters"
    return InvalidIdempotencyKeyError(message)
