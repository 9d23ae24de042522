"""Orders: each key becomes one document on the site, whatever breaks in between."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from demitasse.incoming.idempotency import is_usable_key
from demitasse.kernel.clock import Clock, monotonic_s
from demitasse.kernel.ids import random_secret
from demitasse.middleware.errors import Refusal
from demitasse.middleware.keeping import Keeping
from demitasse.middleware.mapping import CreateRoute
from demitasse.middleware.model import LOCAL, Device, Order, OrderState
from demitasse.middleware.placing import Ended, Outcome, Placed, Placing, Unknown
from demitasse.middleware.reading import fingerprint, key_in, read_document, set_values

LEASE_S = 3.0
_MAX_REFERENCE_LENGTH = 140
_ASK_AGAIN_S = 1.0
_FIRST_DELAY_S, _MAX_DELAY_S = 2.0, 60.0
_GIVE_UP_S = 24 * 3600
_OK, _ACCEPTED = 200, 202
_log = structlog.get_logger("demitasse.middleware")

Told = Callable[[Order], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a phone is answered.

    Args:
        is_replay: It is the answer to the same order, which came before.
    """

    status: int
    content: dict[str, Any]
    is_replay: bool = False


class Orders:
    """Takes orders of phones, and brings those that wait to the site.

    Args:
        told: Called when an order that waited is settled.
        lease_s: How long an order is held by a process that gives no sign of life.
    """

    def __init__(
        self,
        routes: tuple[CreateRoute, ...],
        *,
        placing: Placing,
        keeping: Keeping,
        clock: Clock,
        zone: ZoneInfo,
        told: Told,
        lease_s: float = LEASE_S,
    ) -> None:
        self._routes = {route.path: route for route in routes}
        self._placing = placing
        self._keeping = keeping
        self._clock = clock
        self._zone = zone
        self._told = told
        self._lease_s = lease_s
        self._under_way: dict[tuple[str, str, str], asyncio.Task[Answered]] = {}
        self._wake = asyncio.Event()

    async def take(
        self, route: CreateRoute, given: Any, *, device: Device | None, key: str | None, waits: bool
    ) -> Answered:
        """Return the answer to an order.

        Args:
            given: The phone's JSON.
            key: Of its header ``Idempotency-Key``.
            waits: It would rather have the order queued than refused while the site is down.

        Raises:
            Refusal: the order is not taken.
        """
        document = read_document(given, route)
        if key is not None and not is_usable_key(key):
            message = "The Idempotency-Key cannot be used: send 1 to 250 visible ASCII characters, such as a UUID"
            raise Refusal(message, status=400)
        own_key = key_in(given, route.reference_from)
        order = self._order(route, document, device=device, key=key, own_key=own_key, waits=waits)
        if key is None and own_key is None and not waits:
            return await self._place(route, order)
        return await self._take_once(route, order)

    async def status(self, route: CreateRoute, key: str, *, device: Device | None) -> Answered:
        """Return where a device's order stands.

        Raises:
            Refusal: it has none under this key.
        """
        owner = device.id if device else LOCAL
        order = await self._keeping.do(lambda store: store.find_order(owner, route.path, key))
        if order is None:
            message = "There is no order under this key: orders are remembered for a week"
            raise Refusal(message, status=404)
        return Answered(status=_OK, content=status_of(order))

    async def run(self) -> None:
        """Bring orders that wait to the site, for ever."""
        while True:
            now_s = self._clock().timestamp()
            due = await self._keeping.do(lambda store: store.due_orders(now_s=now_s, limit=20))  # noqa: B023 - awaited here
            for order in due:
                await self._work_off(order)
            if not due:
                self._wake.clear()
                try:
                    async with asyncio.timeout(_ASK_AGAIN_S):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    async def close(self) -> None:
        """Let the orders that phones wait for end, within their deadlines."""
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _order(
        self,
        route: CreateRoute,
        document: dict[str, Any],
        *,
        device: Device | None,
        key: str | None,
        own_key: str | None,
        waits: bool,
    ) -> Order:
        owner = device.id if device else LOCAL
        order_key = key or own_key or random_secret(16)
        reference = order_key if owner == LOCAL else f"{owner}:{order_key}"
        if len(reference) > _MAX_REFERENCE_LENGTH:
            reference = f"sha256:{sha256(reference.encode()).hexdigest()}"
        now = self._clock()
        values = {**set_values(route, now=now, zone=self._zone), **document}
        if route.reference is not None:
            values[route.reference] = reference
        return Order(
            owner=owner,
            path=route.path,
            key=order_key,
            reference=reference,
            fingerprint=fingerprint(document),
            sent_key=key or reference,
            document=values,
            state=OrderState.PLACING,
            is_queued_on_failure=waits,
            created_at_s=int(now.timestamp()),
            lease_until_s=now.timestamp() + self._lease_s,
            due_at_s=now.timestamp() + self._lease_s,
        )

    async def _take_once(self, route: CreateRoute, order: Order) -> Answered:
        place = (order.owner, order.path, order.key)
        found = await self._keeping.do(lambda store: store.reserve(order, synced=_is_promised(route, order)))
        if found is None:
            return await self._follow(place, route, order)
        if found.fingerprint != order.fingerprint:
            message = "Another order came under this key before: a new order needs a new key"
            raise Refusal(message, status=422)
        under_way = self._under_way.get(place)
        if under_way is not None:
            return replace(await asyncio.shield(under_way), is_replay=True)
        if found.state is OrderState.PLACING:  # It may have ended since it was read.
            found = await self._keeping.do(lambda store: store.find_order(*place)) or found
        if found.answer is not None and found.state in {OrderState.DONE, OrderState.FAILED}:
            return Answered(status=found.status, content=found.answer, is_replay=True)
        now_s = self._clock().timestamp()
        if found.state is OrderState.PLACING and found.lease_until_s > now_s:
            message = "This order is being taken at this moment: ask again in a second"
            raise Refusal(message, status=409, retry_after_s=_ASK_AGAIN_S)
        if found.is_queued_on_failure:
            return Answered(status=_ACCEPTED, content=status_of(found), is_replay=True)
        taken = replace(
            found, is_queued_on_failure=order.is_queued_on_failure, attempts=found.attempts + 1, lease_until_s=0.0
        )
        lease_until_s = now_s + self._lease_s
        if not await self._keeping.do(lambda store: store.take_over(found, lease_until_s=lease_until_s)):
            message = "This order is being taken at this moment: ask again in a second"
            raise Refusal(message, status=409, retry_after_s=_ASK_AGAIN_S)
        return await self._follow(place, route, taken)

    async def _follow(self, place: tuple[str, str, str], route: CreateRoute, order: Order) -> Answered:
        """Place an order that this process holds; the phone may leave meanwhile."""
        task = asyncio.get_running_loop().create_task(self._place_and_settle(route, order))
        self._under_way[place] = task
        task.add_done_callback(lambda _: self._under_way.pop(place, None))
        return await asyncio.shield(task)

    async def _place(self, route: CreateRoute, order: Order) -> Answered:
        """Place an order that nobody can ask for again."""
        match await self._placing.place(route, order):
            case Placed(content=content):
                return Answered(status=_OK, content=content)
            case Ended(refusal=refusal) | Unknown(refusal=refusal):
                raise refusal

    async def _place_and_settle(self, route: CreateRoute, order: Order) -> Answered:
        began_s = monotonic_s()
        outcome = await self._place_holding(route, order)
        settled = self._settled(order, outcome)
        if settled is None:
            await self._keeping.do(lambda store: store.forget_order(order))
        else:
            await self._keeping.do(lambda store: store.settle(settled, synced=_is_promised(route, order)))
        _log.info(
            "order.taken",
            path=order.path,
            device=order.owner,
            reference=order.reference,
            state=settled.state.value if settled else "refused",
            duration_ms=round((monotonic_s() - began_s) * 1000, 1),
        )
        if isinstance(outcome, Placed):
            return Answered(status=_OK, content=outcome.content)
        if settled is not None and order.is_queued_on_failure:
            self._wake.set()
            return Answered(status=_ACCEPTED, content=status_of(settled))
        raise outcome.refusal

    async def _place_holding(self, route: CreateRoute, order: Order) -> Outcome:
        """Place an order, and hold it as long as that takes: no other process takes it up while this one lives."""
        holding = asyncio.get_running_loop().create_task(self._hold(order))
        try:
            return await self._placing.place(route, order)
        finally:
            holding.cancel()

    async def _hold(self, order: Order) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            until_s = self._clock().timestamp() + self._lease_s
            await self._keeping.do(lambda store: store.extend(order, lease_until_s=until_s))  # noqa: B023 - awaited here

    def _settled(self, order: Order, outcome: Outcome) -> Order | None:
        """Return an order as it stands after an attempt, ``None`` when nothing of it is to be kept."""
        due_at_s = self._clock().timestamp() + _delay_s(order.attempts)
        match outcome:
            case Placed(content=content):
                return replace(order, state=OrderState.DONE, status=_OK, answer=content)
            case Unknown():
                return replace(order, state=OrderState.UNKNOWN, due_at_s=due_at_s)
            case Ended(is_final=False) if order.is_queued_on_failure:
                return replace(order, state=OrderState.QUEUED, due_at_s=due_at_s)
            case Ended():
                return None

    async def _work_off(self, order: Order) -> None:
        """Bring one order that waits to the site."""
        route = self._routes.get(order.path)
        now_s = self._clock().timestamp()
        lease_until_s = now_s + self._lease_s
        if route is None or not await self._keeping.do(
            lambda store: store.take_over(order, lease_until_s=lease_until_s)
        ):
            return
        taken = replace(order, attempts=order.attempts + 1)
        outcome = await self._place_holding(route, taken)
        settled = self._settled(taken, outcome)
        if settled is None and isinstance(outcome, Ended):
            settled = _failed(taken, outcome.refusal)
        if settled is None or (settled.answer is None and now_s - taken.created_at_s > _GIVE_UP_S):
            settled = _failed(taken, Refusal("The shop could not be reached for a day.", status=504))
        await self._keeping.do(lambda store: store.settle(settled, synced=True))
        if settled.answer is not None:
            _log.info("order.settled", path=order.path, reference=order.reference, state=settled.state.value)
            self._told(settled)


def status_of(order: Order) -> dict[str, Any]:
    """Return where an order stands, as a phone is told."""
    waits = order.state not in {OrderState.DONE, OrderState.FAILED}
    facts = {
        "status": "queued" if waits else order.state.value,
        "key": order.key,
        "status_url": f"{order.path}/{order.key}",
    }
    if order.answer is not None:
        return {**order.answer, **facts}
    return {"success": True, **facts}


def _is_promised(route: CreateRoute, order: Order) -> bool:
    """Return whether only this file knows of an order: any other is found on the site by its unique reference."""
    return order.is_queued_on_failure or route.reference is None


def _failed(order: Order, refusal: Refusal) -> Order:
    answer = {"success": False, "error": refusal.message}
    return replace(order, state=OrderState.FAILED, status=refusal.status, answer=answer)


def _delay_s(attempts: int) -> float:
    return min(_MAX_DELAY_S, _FIRST_DELAY_S * 2.0 ** min(attempts, 10))
