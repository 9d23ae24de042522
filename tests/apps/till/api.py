"""What others call, signed or under a key, and what calls others."""

import time

import frappe
import requests
from frappe.integrations.incoming import idempotent, signed_by
from frappe.integrations.utils import make_get_request


@frappe.whitelist(allow_guest=True, methods=["POST"])
@signed_by("hmac_hex", secret="conf:till_secret", header="X-Till-Signature")
@idempotent(key=lambda sent: sent.get("order_id"))
def receive_order(order_id, seconds=0):
    """Make a Role for the order, slowly if asked to: twice would fail, half would be seen."""
    role = frappe.get_doc({"doctype": "Role", "role_name": order_id}).insert(ignore_permissions=True)
    time.sleep(float(seconds))
    return {"order": role.name, "stamp": frappe.generate_hash()}


@frappe.whitelist(allow_guest=True, methods=["POST"])
@signed_by("standard_webhooks", secret=["env:TILL_SECRET_NOT_SET", "conf:till_standard_secret"])
def hear(data=None):
    return {"heard": data}


@frappe.whitelist(methods=["POST"])
@idempotent()
def pay(amount):
    if amount < 0:
        frappe.throw("The amount must be positive")
    return {"amount": amount, "stamp": frappe.generate_hash()}


@frappe.whitelist(methods=["GET", "POST"])
def ask(url):
    """Ask another service; a failure is logged and told without the key."""
    try:
        return make_get_request(url, params={"appid": frappe.conf["service_key"]}, timeout=2)
    except requests.RequestException as error:
        frappe.log_error("Asking failed", frappe.get_traceback())
        frappe.throw(f"Asking failed: {error}")
