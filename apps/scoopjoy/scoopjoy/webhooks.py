"""The webhooks of a ScoopJoy site: every new lead goes to the CRM, every change of stock or items to the mobile middleware."""

import frappe

LEAD_TO_CRM = "ScoopJoy Lead to CRM"
STOCK_TO_MIDDLEWARE = "ScoopJoy Stock to Middleware"
ITEM_TO_MIDDLEWARE = "ScoopJoy Item to Middleware"

_LEAD_BODY = """{
  "lead_name": "{{ doc.lead_name }}",
  "email": "{{ doc.email_id }}",
  "phone": "{{ doc.phone }}",
  "company": "{{ doc.company_name }}",
  "source": "{{ doc.source }}",
  "territory": "{{ doc.territory }}",
  "created_at": "{{ doc.creation }}"
}"""
_STOCK_BODY = """{
  "item_code": "{{ doc.item_code }}",
  "actual_qty": {{ doc.actual_qty }},
  "reserved_qty": {{ doc.reserved_qty }},
  "projected_qty": {{ doc.projected_qty }},
  "warehouse": "{{ doc.warehouse }}",
  "modified": "{{ doc.modified }}"
}"""
_ITEM_BODY = """{
  "item_code": "{{ doc.item_code }}",
  "item_name": "{{ doc.item_name }}",
  "standard_rate": {{ doc.standard_rate }},
  "disabled": {{ doc.disabled }},
  "show_in_website": {{ doc.show_in_website }},
  "modified": "{{ doc.modified }}"
}"""


def add_webhooks():
    """Add the webhooks that are missing, and switch on those that waited for their settings."""
    _add(
        LEAD_TO_CRM,
        "crm",
        webhook_doctype="Lead",
        webhook_docevent="after_insert",
        webhook_json=_LEAD_BODY,
        webhook_headers=[
            {"key": "Content-Type", "value": "application/json"},
            {"key": "X-Source", "value": "erpnext-franchise"},
        ],
        enabled=1,
    )
    is_set = bool(frappe.conf.get("middleware_webhook_url") and frappe.conf.get("middleware_webhook_secret"))
    for name, doctype, body in (
        (STOCK_TO_MIDDLEWARE, "Bin", _STOCK_BODY),
        (ITEM_TO_MIDDLEWARE, "Item", _ITEM_BODY),
    ):
        _add(
            name,
            "middleware",
            webhook_doctype=doctype,
            webhook_docevent="on_update",
            webhook_json=body,
            webhook_headers=[{"key": "Content-Type", "value": "application/json"}],
            enabled=int(is_set),
        )
        if is_set and frappe.db.exists("Webhook", name):
            _switch_on_once(name)


def _add(name, receiver, **values):
    url = _setting(f"{receiver}_webhook_url")
    if not url or frappe.db.exists("Webhook", name):
        return
    webhook = frappe.get_doc(
        {
            "doctype": "Webhook",
            "name": name,
            "request_url": url,
            "request_method": "POST",
            "request_structure": "JSON",
            "enable_security": 1,
            "webhook_secret": _setting(f"{receiver}_webhook_secret"),
            **values,
        },
    )
    webhook.insert(ignore_permissions=True)


def _setting(key):
    """Return what names the setting, to be looked up when a request is sent; on a bench, which cannot, its value."""
    looks_up = frappe.get_meta("Webhook").has_field("retry_schedule")
    return f"conf:{key}" if looks_up else frappe.conf.get(key)


def _switch_on_once(name):
    webhook = frappe.get_doc("Webhook", name)
    # Untouched since it was made: nobody has switched it off on purpose.
    if not webhook.enabled and webhook.modified == webhook.creation:
        webhook.enabled = 1
        webhook.save(ignore_permissions=True)
