"""What is sent: the Lead, the webhook that answers to it, and the list that is asked for."""

from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import orjson

SERIAL: Final = "{serial}"
"""Stands in a body where the load generator writes the number of the request, in nine digits."""

SERIAL_PATTERN: Final = rb"bench-(\d{9})@"
WEBHOOK: Final = "Benchmark Lead"
SECRET: Final = "a secret of the benchmarks"

LEAD: Final = {
    "lead_name": "Aarav Mehta",
    "email_id": f"bench-{SERIAL}@example.com",
    "phone": "+91 22 5550 0199",
    "mobile_no": "+91 98 5550 0123",
    "company_name": "Mehta Frozen Foods",
    "city": "Mumbai",
    "state": "Maharashtra",
    "website": "https://mehta.example.com",
    "status": "Lead",
}

TEMPLATE: Final = (
    '{"lead_name": "{{ doc.lead_name }}", "email": "{{ doc.email_id }}", "phone": "{{ doc.phone }}", '
    '"company": "{{ doc.company_name }}", "source": "{{ doc.source }}", "territory": "{{ doc.territory }}", '
    '"created_at": "{{ doc.creation }}"}'
)

LIST_FIELDS: Final = ("name", "lead_name", "email_id", "phone", "company_name", "status", "creation", "modified")
LIST_ROWS: Final = 20

LEAD_PATH: Final = "/api/resource/Lead"
LIST_PATH: Final = f"{LEAD_PATH}?" + urlencode(
    {
        "fields": orjson.dumps(LIST_FIELDS).decode(),
        "order_by": "modified desc",
        "limit_page_length": LIST_ROWS,
    }
)

_LEAD_FILE = Path(__file__).resolve().parent.parent / "apps/trade/trade/crm/doctype/lead/lead.json"
_OWN_COLUMNS = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")
_WITHOUT_COLUMN = ("Section Break", "Column Break", "Tab Break", "HTML", "Button", "Heading", "Fold", "Table")


def lead_columns() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the columns of the Lead's table, and those that have an index, as its DocType says."""
    fields = [f for f in orjson.loads(_LEAD_FILE.read_bytes())["fields"] if f["fieldtype"] not in _WITHOUT_COLUMN]
    columns = (*_OWN_COLUMNS, *(field["fieldname"] for field in fields))
    return columns, ("modified", *(field["fieldname"] for field in fields if field.get("search_index")))


def webhook(name: str, url: str) -> dict[str, object]:
    """Return a Webhook document that sends each new Lead to ``url``, signed."""
    return {
        "name": name,
        "webhook_doctype": "Lead",
        "webhook_docevent": "after_insert",
        "request_url": url,
        "request_method": "POST",
        "request_structure": "JSON",
        "webhook_json": TEMPLATE,
        "enable_security": 1,
        "webhook_secret": SECRET,
        "webhook_headers": [{"key": "X-Source", "value": "erpnext-franchise"}],
    }


def posted_body(serial: int) -> bytes:
    """Return the bytes of one delivery: what ``TEMPLATE`` makes of the Lead."""
    return orjson.dumps(
        {
            "lead_name": LEAD["lead_name"],
            "email": f"bench-{serial:09d}@example.com",
            "phone": LEAD["phone"],
            "company": LEAD["company_name"],
            "source": "",
            "territory": "",
            "created_at": "2026-01-01 12:00:00.000000",
        }
    )
