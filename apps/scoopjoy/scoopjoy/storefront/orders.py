"""From a storefront's order to a submitted Sales Order, once."""

from contextlib import ExitStack
from dataclasses import asdict, dataclass

import frappe
from frappe.utils import add_days, nowdate
from frappe.utils.synchronization import filelock

from scoopjoy.company import COMPANY, STORES
from scoopjoy.storefront.customers import address_for, customer_for, lock_name
from scoopjoy.storefront.request import InvalidOrder

DELIVERY_DAYS = 3


class OrderChanged(frappe.ValidationError):
    """The same reference came with another order."""

    http_status_code = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What the storefront calls an order; with neither, each time is a new order."""

    order_id: str | None = None
    idempotency_key: str | None = None

    def given(self):
        return {field: value for field, value in asdict(self).items() if value}


def take_order(order, references):
    """Return the answer to an order; the first one, when the order came before.

    Raises:
        OrderChanged: another order came under one of the references before.
        InvalidOrder: something in it cannot be sold.
    """
    given = references.given()
    with ExitStack() as locks:
        for field, value in sorted(given.items()):
            locks.enter_context(filelock(lock_name(field, value)))
        for field, value in given.items():
            earlier = _earlier_answer(order, field, value)
            if earlier:
                return earlier
        answer = _place(order)
        if given:
            _remember(order, given, answer)
        return answer


def _earlier_answer(order, field, value):
    fields = ["sales_order", "grand_total", "fingerprint"]
    found = frappe.db.get_value("Storefront Order", {field: value}, fields, as_dict=True)
    if not found:
        return None
    if found.fingerprint != order.fingerprint:
        raise OrderChanged(f"{value} was used for another order before: a new order needs a new {field}")
    return _answer(found.sales_order, found.grand_total)


def _remember(order, given, answer):
    record = frappe.get_doc(
        {
            "doctype": "Storefront Order",
            **given,
            "customer_email": order.customer_email,
            "sales_order": answer["sales_order"],
            "grand_total": answer["grand_total"],
            "fingerprint": order.fingerprint,
        },
    )
    record.insert(ignore_permissions=True)


def _place(order):
    _check_skus(order)
    customer, contact = customer_for(order.customer_email, order.customer_name)
    address = address_for(customer, order.customer_name, order.customer_email, order.address)
    today = nowdate()
    sales_order = frappe.get_doc(
        {
            "doctype": "Sales Order",
            # Inserted and submitted in one step: one save instead of two.
            "docstatus": 1,
            "customer": customer,
            "company": COMPANY,
            "order_type": "Shopping Cart",
            "transaction_date": today,
            "delivery_date": add_days(today, DELIVERY_DAYS),
            "po_no": order.order_id,
            "set_warehouse": STORES,
            "contact_person": contact,
            "shipping_address_name": address,
            "items": [_row(line) for line in order.lines],
        },
    )
    sales_order.insert(ignore_permissions=True)
    return _answer(sales_order.name, sales_order.grand_total)


def _row(line):
    row = {"item_code": line.sku, "qty": line.quantity}
    if line.price is not None:
        # A rate of 0 asks for the catalogue's price; a gift must be called one.
        row.update({"rate": line.price, "is_free_item": int(line.price == 0)})
    return row


def _check_skus(order):
    skus = sorted({line.sku for line in order.lines})
    fields = ["name", "disabled", "is_sales_item"]
    found = {item.name: item for item in frappe.get_all("Item", filters={"name": ["in", skus]}, fields=fields)}
    for index, line in enumerate(order.lines):
        item = found.get(line.sku)
        if item is None:
            raise InvalidOrder(f"items[{index}].sku: {line.sku} is not in the catalogue")
        if item.disabled or not item.is_sales_item:
            raise InvalidOrder(f"items[{index}].sku: {line.sku} is not sold at present")


def _answer(sales_order, grand_total):
    return {"status": "success", "sales_order": sales_order, "grand_total": grand_total}
