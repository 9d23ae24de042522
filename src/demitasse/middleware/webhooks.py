"""Webhooks of the site: verified, taken once, the newest state of each document told to the phones."""

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Mapping as Facts
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import structlog

from demitasse.delivery.request import SEQUENCE_HEADER
from demitasse.incoming.allowance import Allowance
from demitasse.incoming.model import PRESETS, Verdict
from demitasse.incoming.verification import verify
from demitasse.kernel import json
from demitasse.kernel.clock import Clock
from demitasse.middleware.errors import Refusal
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.mapping import Mapping, Push
from demitasse.middleware.mapping_rules import PLACEHOLDER
from demitasse.middleware.model import Version

KEEP_S = 7 * 24 * 3600
"""How long a webhook's id is remembered: senders try again for days."""
_FRAPPE, _STANDARD = PRESETS["frappe"], PRESETS["standard_webhooks"]
CARRIED_WITHIN_S = 5.0
"""How long an answer waits for what the phones are told to be where no crash loses it."""
_LOGGED_PER_MINUTE = 60
_log = structlog.get_logger("demitasse.middleware")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What goes to the phones.

    Args:
        key: Names the state that it is.
        invalidates: Paths of lists that no longer hold.
    """

    type: str
    topics: tuple[str, ...]
    payload: dict[str, Any]
    key: str | None
    invalidates: tuple[str, ...]


Publish = Callable[[Told], None]


class Webhooks:
    """Receives what the site posts.

    Args:
        secrets: As typed; more than one while the secret is being changed.
        publish: Tells the phones, in every process.
        carried: Returns once what was published survives the end of this process.
        carried_within_s: See `CARRIED_WITHIN_S`.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        secrets: tuple[str, ...],
        keeping: Keeping,
        clock: Clock,
        publish: Publish,
        carried: Callable[[], Awaitable[None]],
        carried_within_s: float = CARRIED_WITHIN_S,
    ) -> None:
        self._mapping = mapping
        self._secrets = secrets
        self._keeping = keeping
        self._clock = clock
        self._publish = publish
        self._carried = carried
        self._carried_within_s = carried_within_s
        self._telling: dict[asyncio.Task[None], str | None] = {}
        self._may_log = Allowance(_LOGGED_PER_MINUTE)

    async def receive(self, headers: Facts[str, str], body: bytes, *, named: str | None) -> bool:
        """Take a webhook in, and return whether the phones were told something.

        Args:
            headers: By name in lower case.
            named: The type that the webhook's URL names, where it names one.

        Raises:
            Refusal: the signature is missing or wrong, the body is no JSON object, or the way to the other processes
                is closed: the sender has to come again.
        """
        now = self._clock()
        message_id = self._verified(headers, body)
        facts = _decoded(body)
        under_way = self._under_way(message_id)
        if under_way is not None:
            await self._until_told(under_way)
            return False
        push = push_of(self._mapping, facts, named=named)
        if push is None:
            _log.info("webhook.unmapped", keys=sorted(facts)[:20])
            return False
        version = version_of(headers if message_id else {}, facts, body)
        identity = json.encode([facts.get(key) for key in push.identity]).decode()
        now_s = int(now.timestamp())
        is_news = await self._keeping.do(
            lambda store: store.note_webhook(message_id, push.type, identity, version, now_s=now_s, keep_s=KEEP_S)
        )
        if is_news:
            self._publish(told(push, facts))
        _log.info("webhook.received", type=push.type, identity=identity, is_news=is_news, webhook_id=message_id)
        await self._until_told(self._tell_apart(message_id))
        return is_news

    async def close(self) -> None:
        """Leave what cannot be carried; its webhooks are told again when they come again."""
        telling = tuple(self._telling)
        for task in telling:
            task.cancel()
        await asyncio.gather(*telling, return_exceptions=True)

    def _under_way(self, message_id: str | None) -> asyncio.Task[None] | None:
        """Return the telling of the same webhook that came before and is not carried yet."""
        return None if message_id is None else next((t for t, id_ in self._telling.items() if id_ == message_id), None)

    def _tell_apart(self, message_id: str | None) -> asyncio.Task[None]:
        """Go on until what was published is carried, whoever waits for it."""
        task = asyncio.create_task(self._carry(message_id))
        self._telling[task] = message_id
        task.add_done_callback(self._telling.pop)
        return task

    async def _carry(self, message_id: str | None) -> None:
        await self._carried()
        if message_id is not None:
            await self._keeping.do(lambda store: store.mark_told(message_id))

    async def _until_told(self, telling: asyncio.Task[None]) -> None:
        done, _ = await asyncio.wait({telling}, timeout=self._carried_within_s)
        if not done:
            message = "The phones cannot be told now: send it again"
            raise Refusal(message, status=503)
        telling.result()

    def _verified(self, headers: Facts[str, str], body: bytes) -> str | None:
        """Return the id of a webhook whose id is signed; ``None`` for Frappe's own, which has none.

        Raises:
            Refusal: a signature is missing or wrong.
        """
        verdict = verify(_FRAPPE, headers, body, secrets=self._secrets, now=self._clock())
        if verdict.is_good and _STANDARD.header in headers:
            verdict = verify(_STANDARD, headers, body, secrets=self._secrets, now=self._clock())
        if not verdict.is_good:
            self._log_refusal(verdict)
            message = "Invalid signature"
            raise Refusal(message, status=401)
        return verdict.message_id

    def _log_refusal(self, verdict: Verdict) -> None:
        if self._may_log.take(now_s=int(self._clock().timestamp())):
            _log.warning("webhook.refused", scheme=verdict.scheme, reason=verdict.summary)


def push_of(mapping: Mapping, facts: Facts[str, Any], *, named: str | None) -> Push | None:
    """Return what a webhook is: the type that its URL names, else the first that has all it needs."""
    for push in mapping.pushes:
        if named is not None and push.type != named:
            continue
        has_all = all(facts.get(key) is not None for key in push.needs)
        if has_all and all(facts.get(key, value) == value for key, value in push.where.items()):
            return push
    return None


def version_of(headers: Facts[str, str], facts: Facts[str, Any], body: bytes) -> Version:
    """Return which state of its document a webhook tells.

    Args:
        headers: Those of a webhook whose id and time are signed; of any other none, since anybody could add them.
    """
    sequence = headers.get(SEQUENCE_HEADER.lower(), "")
    modified = facts.get("modified")
    return Version(
        sequence=int(sequence) if sequence.isascii() and sequence.isdigit() and len(sequence) < 19 else None,  # noqa: PLR2004 - of 64 bits
        modified=modified if isinstance(modified, str) and modified else None,
        digest=sha256(body).hexdigest(),
    )


def told(push: Push, facts: Facts[str, Any]) -> Told:
    """Return what the phones are told of a webhook's body."""
    return Told(
        type=push.type,
        topics=tuple(PLACEHOLDER.sub(lambda place: str(facts[place[1]]), topic) for topic in push.topics),
        payload={key: facts[key] for key in push.fields if key in facts},
        key=None if push.key is None else str(facts[push.key]),
        invalidates=tuple(push.invalidates),
    )


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        facts = json.decode(body)
    except json.MalformedJson as error:
        message = "The webhook's body is not JSON: choose Request Structure JSON"
        raise Refusal(message, status=400) from error
    if not isinstance(facts, dict):
        message = "The webhook's body must be a JSON object"
        raise Refusal(message, status=400)
    return facts
