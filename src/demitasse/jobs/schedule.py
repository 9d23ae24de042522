"""When scheduled jobs run: pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from cronsim import CronSim, CronSimError

from demitasse.jobs.errors import InvalidSchedule

ALL = "All"
CRON = "Cron"
EVERY_MINUTE = "* * * * *"
"""Of runs so frequent nobody wants a log of each."""
_EXPRESSIONS = {
    ALL: "*/4 * * * *",
    "Hourly": "0 * * * *",
    "Hourly Long": "0 * * * *",
    "Hourly Maintenance": "0 * * * *",
    "Daily": "0 0 * * *",
    "Daily Long": "0 0 * * *",
    "Daily Maintenance": "0 0 * * *",
    "Weekly": "0 0 * * 0",
    "Weekly Long": "0 0 * * 0",
    "Monthly": "0 0 1 * *",
    "Monthly Long": "0 0 1 * *",
    "Yearly": "0 0 1 1 *",
    "Annual": "0 0 1 1 *",
}
"""What Frappe's frequencies mean; Sunday is the week's first day."""
_LONG = frozenset(
    {"Hourly Long", "Daily Long", "Weekly Long", "Monthly Long", "Hourly Maintenance", "Daily Maintenance"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A function that runs on a schedule.

    Args:
        frequency: As Scheduled Job Type names it.
        cron_format: Of the frequency Cron.
    """

    method: str
    frequency: str
    cron_format: str | None = None

    @property
    def name(self) -> str:
        """Name of its Scheduled Job Type; a function may have several expressions."""
        return f"{self.method} {self.cron_format}" if self.cron_format else self.method

    @property
    def queue(self) -> str:
        """Where its runs wait."""
        return queue_of(self.frequency)


def queue_of(frequency: str) -> str:
    """Return the queue of a frequency's jobs."""
    return "long" if frequency in _LONG else "default"


def entries_of(events: Mapping[str, Any]) -> Iterator[Entry]:
    """Yield what ``scheduler_events`` of an app's ``hooks.py`` asks for.

    Raises:
        InvalidSchedule: an event or an expression is not known.
    """
    for event, value in events.items():
        if event == "cron":
            for expression, methods in (value or {}).items():
                check_cron(expression)
                yield from (Entry(method=each, frequency=CRON, cron_format=expression) for each in _paths(methods))
            continue
        frequency = event.replace("_", " ").title()
        if frequency not in _EXPRESSIONS:
            message = f"scheduler_events has {event!r}. Use all, hourly, daily, weekly, monthly (with _long) or cron"
            raise InvalidSchedule(message, entry=event)
        yield from (Entry(method=each, frequency=frequency) for each in _paths(value))


def check_cron(expression: str) -> None:
    """Refuse a cron expression that cannot be read, or never comes.

    Raises:
        InvalidSchedule: it is one.
    """
    next_run(CRON, expression, after=datetime(2024, 1, 1, tzinfo=UTC), zone=UTC)


def next_run(frequency: str, cron_format: str | None, *, after: datetime, zone: tzinfo) -> datetime:
    """Return the first moment after ``after`` at which a schedule is due, aware, in UTC.

    When clocks go forward, a moment that is left out comes right after the gap; when they go back, it comes once.

    Raises:
        InvalidSchedule: the expression cannot be read, or never comes.
    """
    expression = cron_format or "" if frequency == CRON else _EXPRESSIONS[frequency]
    try:
        return next(CronSim(expression, after.astimezone(zone))).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        message = f"{expression!r} is no cron expression that ever comes: write minute, hour, day, month and weekday"
        raise InvalidSchedule(message, entry=expression) from error


def _paths(value: Any) -> Iterable[str]:
    return (value,) if isinstance(value, str) else tuple(value or ())
