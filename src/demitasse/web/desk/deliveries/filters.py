"""What a list of deliveries is narrowed to: as the URL says it, as the query wants it, as chips show it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from demitasse.web.desk.request import DeskRequest

_NAMES = ("status", "webhook", "doctype", "document", "code", "since", "until", "text")
_LABELS = {"doctype": "DocType", "code": "Answer", "text": "Contains", "since": "Since", "until": "Until"}
_SPAN = re.compile(r"(\d{1,4})([mhd])\Z")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
SPANS = {"15m": "15 min ago", "1h": "1 hour ago", "24h": "24 hours ago", "7d": "7 days ago", "30d": "30 days ago"}
SHOWN_STATES = ("Failed", "Retrying", "Held", "Queued", "Delivered")
"""In the order of how much they want a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter that is set, and where its cross leads."""

    label: str
    value: str
    without: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The filters of a request.

    Args:
        fixed: Those that the place of the panel sets (a webhook's, a document's), which nobody can take away there.
    """

    values: Mapping[str, str]
    fixed: Mapping[str, str]

    @classmethod
    def of(cls, request: DeskRequest) -> "Asked":
        """Return what the query of a request says."""
        given = {name: " ".join(request.asked(name).split()) for name in _NAMES}
        given["status"] = ",".join(dict.fromkeys(part for part in request.asked_all("status") if part))
        fixed = {name: given[name] for name in request.asked("fixed").split(",") if given.get(name)}
        return cls(values={name: value for name, value in given.items() if value}, fixed=fixed)

    def get(self, name: str) -> str:
        """Return the value of a filter, empty where it is not set."""
        return self.values.get(name, "")

    def arguments(self, now: datetime) -> dict[str, Any]:
        """Return the filters as ``webhook_delivery.find`` takes them."""
        since = self.get("since")
        span = _SPAN.match(since)
        return {
            "status": self.get("status"),
            "webhook": self.get("webhook"),
            "reference_doctype": self.get("doctype"),
            "reference_document": self.get("document"),
            "code": self.get("code"),
            "since": now - timedelta(**{_UNITS[span[2]]: int(span[1])}) if span else since,
            "until": self.get("until"),
            "text": self.get("text"),
        }

    def query(self, **changes: str | None) -> str:
        """Return the URL's query with some filters changed, or taken away."""
        merged = {**self.values, **changes}
        if self.fixed:
            merged["fixed"] = ",".join(self.fixed)
        return urlencode({name: value for name, value in merged.items() if value})

    def chips(self, path: str) -> Sequence[Chip]:
        """Return the filters that can be taken away; the state has tabs of its own."""
        return [
            Chip(
                label=_LABELS.get(name, name.capitalize()),
                value=SPANS.get(value, value) if name == "since" else value,
                without=f"{path}?{self.query(**{name: None})}",
            )
            for name, value in self.values.items()
            if name != "status" and name not in self.fixed
        ]
