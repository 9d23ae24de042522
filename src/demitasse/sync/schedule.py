"""When a rule runs by itself: pure."""

import re
from datetime import datetime, timedelta, tzinfo

from demitasse.jobs.errors import InvalidSchedule
from demitasse.jobs.schedule import CRON, check_cron, next_run

_SECONDS = re.compile(r"(\d{1,5})\s*s\Z")


def seconds_of(schedule: str) -> int | None:
    """Return the seconds between two runs, ``None`` for a cron line.

    Raises:
        InvalidSchedule: it asks for no time between them.
    """
    found = _SECONDS.match(schedule.strip())
    if found is None:
        return None
    if not int(found.group(1)):
        message = "A rule cannot run every 0 seconds: write 1s or more"
        raise InvalidSchedule(message, entry=schedule)
    return int(found.group(1))


def check_schedule(schedule: str) -> None:
    """Refuse what is neither seconds nor a cron line.

    Raises:
        InvalidSchedule: it is not.
    """
    if schedule.strip() and seconds_of(schedule) is None:
        check_cron(schedule.strip())


def is_due(schedule: str, *, last: datetime | None, now: datetime, zone: tzinfo) -> bool:
    """Return whether a rule should run now; one without a schedule never does by itself."""
    text = schedule.strip()
    if not text:
        return False
    if last is None:
        return True
    seconds = seconds_of(text)
    if seconds is not None:
        return now - last >= timedelta(seconds=seconds)
    return next_run(CRON, text, after=last, zone=zone) <= now
