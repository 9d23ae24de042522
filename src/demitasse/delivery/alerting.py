"""Telling people, one alert after the other, beside the delivery."""

from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from demitasse.delivery.ports import Alert, Alerts

_log = structlog.get_logger("demitasse.delivery")
_MAX_WAITING = 1_000

Spawn = Callable[[Coroutine[Any, Any, None]], None]


class AlertQueue:
    """Passes alerts on in order. With too many waiting, the oldest are only logged."""

    def __init__(self, alerts: Alerts, *, spawn: Spawn) -> None:
        self._alerts = alerts
        self._spawn = spawn
        self._waiting: deque[Alert] = deque()
        self._is_telling = False

    def tell(self, alert: Alert) -> None:
        """Pass an alert on, soon."""
        self._waiting.append(alert)
        if len(self._waiting) > _MAX_WAITING:
            dropped = self._waiting.popleft()
            _log.warning("alert.dropped", webhook=dropped.webhook, kind=dropped.kind.value, delivery=dropped.delivery)
        if not self._is_telling:
            self._is_telling = True
            self._spawn(self._tell_all())

    async def _tell_all(self) -> None:
        try:
            while self._waiting:
                alert = self._waiting.popleft()
                try:
                    await self._alerts.alert(alert)
                except Exception:  # noqa: BLE001 - an alert that fails harms no delivery
                    _log.exception("alert.failed", webhook=alert.webhook, kind=alert.kind.value)
        finally:
            self._is_telling = False
