"""The endpoint that the storefront calls."""

import frappe

from scoopjoy.signature import signed_by
from scoopjoy.storefront.orders import References, take_order
from scoopjoy.storefront.request import parse_order, parse_reference


@frappe.whitelist(allow_guest=True, methods=["POST"])
@signed_by("hmac_hex", secret="conf:storefront_webhook_secret", header="X-Storefront-Signature")
def receive_order():
    """Take an order from the storefront.

    The body alone is read, since the query is not signed: ``customer_email``, ``customer_name``, ``items`` (``sku``,
    ``quantity`` and perhaps ``price``), ``delivery_address`` (``line1``, ``line2``, ``city``, ``state``, ``pincode``,
    ``country``) and perhaps ``order_id``.
    """
    order = parse_order(frappe.request.get_data())
    key = parse_reference("Idempotency-Key", frappe.get_request_header("Idempotency-Key"))
    return take_order(order, References(order_id=order.order_id, idempotency_key=key))
