"""Values as app code sees them: dictionaries with attributes, and moments in the site's zone."""

from datetime import datetime
from typing import Any

from typing_extensions import override

from demitasse.frappe.context import current


class AttrDict(dict[str, Any]):
    """A dictionary whose keys are attributes too; a missing attribute is ``None``."""

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self.get(key)

    @override
    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    @override
    def __delattr__(self, key: str) -> None:
        self.pop(key, None)

    @override
    def copy(self) -> "AttrDict":
        """Return a shallow copy of the same kind."""
        return AttrDict(self)


def to_site(value: Any) -> Any:
    """Return an aware moment as a naive one in the site's zone; other values as they are."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(current().site.settings.zone).replace(tzinfo=None)
    return value


def to_utc(value: datetime) -> datetime:
    """Return a naive moment in the site's zone as an aware one."""
    return value.replace(tzinfo=current().site.settings.zone) if value.tzinfo is None else value
