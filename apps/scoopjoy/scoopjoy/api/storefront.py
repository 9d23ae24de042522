"""The endpoint that the storefront calls."""

import frappe

from scoopjoy.signature import signed_by
from scoopjoy.storefront.orders import take_order
from scoopjoy.storefront.request import InvalidOrder, parse_order


@frappe.whitelist(allow_guest=True, methods=["POST"])
@signed_by("hmac-sha256-hex", header="X-Storefront-Signature", secret="conf:storefront_webhook_secret")
def receive_order():
    """Take an order from the storefront.

    The body alone is read, since the query is not signed: ``customer_email``, ``customer_name``, ``items`` (``sku``,
    ``quantity`` and perhaps ``price``), ``delivery_address`` (``line1``, ``line2``, ``city``, ``state``, ``pincode``,
    ``country``) and perhaps ``order_id``.
    """
    order = parse_order(frappe.request.get_data())
    return take_order(order, _reference(order))


def _reference(order):
    """Return what the storefront calls the order: its own id, else the key that it repeats the request with."""
    if order.order_id:
        return f"order {order.order_id}"
    key = frappe.get_request_header("Idempotency-Key")
    if key and len(key) > 100:
        raise InvalidOrder("The Idempotency-Key is longer than 100 characters")
    return f"key {key}" if key else None
