"""Between kept values and what a column holds, for each storage and database.

Moments are UTC everywhere: text ``YYYY-MM-DD HH:MM:SS.ffffff`` on SQLite (it sorts), naive timestamps on the servers.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from demitasse.doctypes.field_types import Storage

Convert = Callable[[Any], Any]


def moment_to_text(moment: datetime) -> str:
    """Return an aware moment in UTC as the text that SQLite keeps."""
    return moment.isoformat(" ", "microseconds")[:26]


def text_to_moment(text: str) -> datetime:
    """Return the aware moment that SQLite's text stands for."""
    return datetime.fromisoformat(text + "+00:00")


def time_to_text(span: timedelta) -> str:
    """Return a time of day as ``HH:MM:SS.ffffff``."""
    seconds = span.seconds
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{span.microseconds:06}"


def text_to_time(text: str) -> timedelta:
    """Return the time of day that ``HH:MM:SS.ffffff`` stands for."""
    hours, minutes, seconds = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes), seconds=float(seconds))


_TO_SQLITE: Mapping[Storage, Convert] = {
    Storage.DATE: date.isoformat,
    Storage.DATETIME: moment_to_text,
    Storage.TIME: time_to_text,
}
_FROM_SQLITE: Mapping[Storage, Convert] = {
    Storage.DATE: date.fromisoformat,
    Storage.DATETIME: text_to_moment,
    Storage.TIME: text_to_time,
}
_TO_SERVER: Mapping[Storage, Convert] = {
    Storage.DATETIME: lambda moment: moment.replace(tzinfo=None),
    Storage.TIME: time_to_text,
}
_FROM_SERVER: Mapping[Storage, Convert] = {
    Storage.DATETIME: lambda moment: moment.replace(tzinfo=UTC),
    Storage.TIME: text_to_time,
}


def encoders(dialect: str) -> Mapping[Storage, Convert]:
    """Return what turns a kept value (never ``None``) into a column's; storages that are left out need nothing."""
    return _TO_SQLITE if dialect == "sqlite" else _TO_SERVER


def decoders(dialect: str) -> Mapping[Storage, Convert]:
    """Return what turns a column's value (never ``None``) into the kept one; storages left out need nothing."""
    return _FROM_SQLITE if dialect == "sqlite" else _FROM_SERVER
