"""What calls bring along as text: moments, numbers, truth; and moments on their way back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from demitasse.documents.errors import InvalidFieldValue
from demitasse.frappe.context import Call

_FALSE = frozenset({"", "0", "false", "no"})


def moment(call: Call, value: Any, *, doctype: str, field: str) -> datetime | None:
    """Return an aware moment, in UTC; naive ones are in the site's zone, nothing is ``None``.

    Raises:
        InvalidFieldValue: it is no moment.
    """
    if value in {None, ""}:
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        message = f"{value!r} is not a moment: write it as YYYY-MM-DD HH:MM:SS"
        raise InvalidFieldValue(message, doctype=doctype, field=field) from error
    return (found if found.tzinfo else found.replace(tzinfo=call.site.settings.zone)).astimezone(UTC)


def in_zone(call: Call, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its moments in the site's zone."""
    zone = call.site.settings.zone
    return {key: value.astimezone(zone) if isinstance(value, datetime) else value for key, value in row.items()}


def is_true(value: Any) -> bool:
    """Return whether a value stands for yes."""
    return value.strip().lower() not in _FALSE if isinstance(value, str) else bool(value)


def whole(value: Any) -> int:
    """Return a whole number.

    Raises:
        InvalidFieldValue: it is none.
    """
    if isinstance(value, bool) or not str(value).isdecimal():
        message = f"{value!r} is not a whole number"
        raise InvalidFieldValue(message, doctype="Webhook", field="limit")
    return int(value)


def at_most(value: Any, most: int) -> int:
    """Return a whole number between 1 and ``most``."""
    return max(1, min(whole(value), most))
