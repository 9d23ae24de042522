"""An order of a shop in Kolkata, as conditions and templates see it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from demitasse.doctypes.parse import parse_doctype
from demitasse.events.scope import event_scope
from demitasse.events.view import DocumentView

KOLKATA = ZoneInfo("Asia/Kolkata")
NOW = datetime(2026, 3, 31, 20, 15, 30, 250, tzinfo=UTC)  # 1 April 01:45:30.000250 in Kolkata
ROW = parse_doctype(
    {
        "name": "Order Row",
        "istable": 1,
        "fields": [
            {"fieldname": "item", "fieldtype": "Data"},
            {"fieldname": "qty", "fieldtype": "Float"},
        ],
    },
    app="shop",
)
ORDER = parse_doctype(
    {
        "name": "Order",
        "fields": [
            {"fieldname": "customer", "fieldtype": "Data", "aliases": ["party"]},
            {"fieldname": "status", "fieldtype": "Select", "options": "Draft\nOpen\nClosed"},
            {"fieldname": "note", "fieldtype": "Long Text"},
            {"fieldname": "total", "fieldtype": "Currency"},
            {"fieldname": "due", "fieldtype": "Date"},
            {"fieldname": "ready_at", "fieldtype": "Time"},
            {"fieldname": "paid_on", "fieldtype": "Datetime"},
            {"fieldname": "items", "fieldtype": "Table", "options": "Order Row"},
        ],
    },
    app="shop",
)


def row(item: str, qty: float) -> DocumentView:
    return DocumentView({"item": item, "qty": qty}, fields=ROW, zone=KOLKATA)


def order(before: DocumentView | None = None, **values: Any) -> DocumentView:
    known: dict[str, Any] = {
        "name": "ORD-1",
        "creation": datetime(2026, 3, 31, 20, 0, tzinfo=UTC),
        "customer": "Ada",
        "status": "Open",
        "note": "",
        "total": 1500.0,
        "due": date(2026, 4, 2),
        "ready_at": timedelta(hours=9, minutes=30),
        "paid_on": None,
        "items": [row("Vanilla", 2.0), row("Mango", 0.5)],
    }
    return DocumentView({**known, **values}, fields=ORDER, zone=KOLKATA, before=before)


def scope(before: DocumentView | None = None, **values: Any) -> dict[str, object]:
    return event_scope(order(before, **values), now=NOW)
