"""How a Sales Order is filled in: what nobody said, the rates, the totals."""

import frappe
from frappe.utils import flt

from trade.contacts.display import address_display, contact_values
from trade.selling.pricing import price_list_for, prices
from trade.selling.totals import ON_PREVIOUS_AMOUNT, ON_PREVIOUS_TOTAL, Discount, DiscountTooLarge, Line, Tax, compute
from trade.setup.defaults import default_warehouse, round_to_coin

_CUSTOMER_FIELDS = [
    "customer_name",
    "customer_group",
    "territory",
    "default_currency",
    "default_price_list",
    "customer_primary_address",
    "customer_primary_contact",
    "disabled",
    "is_frozen",
]


def set_missing_values(order, books):
    """Fill what an order takes from its customer, its company and the settings.

    Args:
        books: The company's currency.
    """
    customer = frappe.db.get_value("Customer", {"name": order.customer}, _CUSTOMER_FIELDS, as_dict=True)
    if customer:
        _set_customer(order, customer)
    order.address_display = address_display(order.customer_address)
    order.shipping_address = address_display(order.shipping_address_name)
    order.currency = order.currency or (customer and customer.default_currency) or books
    if order.currency == books:
        order.conversion_rate = 1.0
    elif flt(order.conversion_rate) <= 0:
        frappe.throw(f"Give the exchange rate: how many {books} are one {order.currency}")
    order.selling_price_list = price_list_for(order, customer)
    _check_price_list(order)
    days = [row.delivery_date for row in order.items if row.delivery_date]
    order.delivery_date = order.delivery_date or max(days, default=order.transaction_date)
    if order.taxes_and_charges and not order.taxes:
        _copy_taxes(order)


def set_missing_in_rows(order, items):
    """Fill what the rows take from their items and from the order."""
    for row in order.items:
        row.delivery_date = row.delivery_date or order.delivery_date
        row.warehouse = row.warehouse or order.set_warehouse
        item = items.get(row.item_code)
        if item is not None:
            row.item_name = row.item_name or item.item_name
            row.description = row.description or item.description
            row.image = row.image or item.image
            row.item_group, row.brand = item.item_group, item.brand
            row.uom = row.uom or item.sales_uom
    without = [row for row in order.items if not row.warehouse and row.item_code in items]
    without = [row for row in without if items[row.item_code].is_stock_item]
    if without:
        _set_warehouses(order, without)


def set_rates(order, items, books, kept):
    """Give each row its price, and its rate where it has none.

    Args:
        books: The company's currency.
        kept: How amounts of the order's currency are kept.
    """
    listed = prices(order, items, books)
    for row in order.items:
        listed_rate = flt(listed.get(row.idx), kept.precision)
        row.price_list_rate = listed_rate
        if row.is_free_item:
            row.rate = 0.0
        elif not row.rate:
            off = listed_rate * flt(row.discount_percentage) / 100 or flt(row.discount_amount)
            row.rate = listed_rate - off
        row.rate = flt(row.rate, kept.precision)
        row.discount_amount = flt(max(listed_rate - row.rate, 0.0), kept.precision)
        row.discount_percentage = flt(row.discount_amount / listed_rate * 100, 6) if listed_rate else 0.0
        item = items.get(row.item_code)
        if item and item.max_discount and not row.is_free_item and row.discount_percentage > item.max_discount:
            frappe.throw(f"Row #{row.idx}: The discount on {item.name} is at most {item.max_discount:g} %")


def set_totals(order, kept, books_kept):
    """Compute all amounts of an order.

    Args:
        kept: How amounts of the order's currency are kept.
        books_kept: The same for the company's currency.
    """
    totals = _compute(order, kept)
    for row, amount, net_amount in zip(order.items, totals.amounts, totals.net_amounts, strict=True):
        row.amount, row.net_amount = amount, net_amount
        row.net_rate = flt(net_amount / row.qty, 6)
    for row, tax in zip(order.taxes, totals.taxes, strict=True):
        row.tax_amount, row.total = tax.amount, tax.total
    order.total_qty = totals.quantity
    order.total, order.net_total = totals.total, totals.net_total
    order.total_taxes_and_charges = totals.total_taxes
    order.discount_amount = totals.discount_amount
    order.grand_total = totals.grand_total
    order.rounded_total = 0.0 if order.disable_rounded_total else round_to_coin(totals.grand_total, kept)
    adjustment = 0.0 if order.disable_rounded_total else order.rounded_total - order.grand_total
    order.rounding_adjustment = flt(adjustment, kept.precision)
    _set_base_amounts(order, books_kept)


def _set_customer(order, customer):
    if customer.disabled or customer.is_frozen:
        frappe.throw(f"Customer {order.customer} is {'disabled' if customer.disabled else 'frozen'}")
    order.customer_name = customer.customer_name
    order.customer_group = customer.customer_group
    order.territory = order.territory or customer.territory
    order.customer_address = order.customer_address or customer.customer_primary_address
    order.shipping_address_name = order.shipping_address_name or order.customer_address
    order.contact_person = order.contact_person or customer.customer_primary_contact
    contact = contact_values(order.contact_person)
    if contact:
        order.contact_display = contact.full_name
        order.contact_email = contact.email_id
        order.contact_mobile = contact.mobile_no


def _check_price_list(order):
    order.price_list_currency = None
    if not order.selling_price_list:
        return
    fields = ["currency", "enabled", "selling"]
    found = frappe.get_cached_value("Price List", order.selling_price_list, fields, as_dict=True)
    if found:
        if not (found.enabled and found.selling):
            reason = "not for selling" if found.enabled else "disabled"
            frappe.throw(f"Price List {order.selling_price_list} is {reason}")
        order.price_list_currency = found.currency


def _copy_taxes(order):
    fields = ["charge_type", "row_id", "account_head", "description", "rate", "tax_amount"]
    filters = {"parent": order.taxes_and_charges, "parenttype": "Sales Taxes and Charges Template"}
    for row in frappe.get_all("Sales Taxes and Charges", filters=filters, fields=fields, order_by="idx asc"):
        order.append("taxes", dict(row))


def _set_warehouses(order, rows):
    codes = sorted({row.item_code for row in rows})
    filters = {"parent": ["in", codes], "parenttype": "Item", "company": order.company}
    found = frappe.get_all("Item Default", filters=filters, fields=["parent", "default_warehouse"])
    by_item = {default.parent: default.default_warehouse for default in found}
    fallback = None
    for row in rows:
        row.warehouse = by_item.get(row.item_code)
        if not row.warehouse:
            fallback = fallback or default_warehouse(order.company)
            row.warehouse = fallback


def _compute(order, kept):
    lines = [Line(quantity=flt(row.qty), rate=row.rate) for row in order.items]
    taxes = [_tax(row) for row in order.taxes]
    discount = Discount(
        percentage=flt(order.additional_discount_percentage),
        amount=flt(order.discount_amount),
        on_net_total=order.apply_discount_on == "Net Total",
    )
    if discount.percentage < 0 or discount.amount < 0:
        frappe.throw("A discount cannot be negative")
    try:
        return compute(lines, taxes, discount=discount, precision=kept.precision)
    except DiscountTooLarge as error:
        frappe.throw(str(error))


def _tax(row):
    on_row = None
    if row.charge_type in {ON_PREVIOUS_AMOUNT, ON_PREVIOUS_TOTAL}:
        on_row = int(row.row_id or row.idx - 1) - 1
        if not 0 <= on_row < row.idx - 1:
            frappe.throw(f"Taxes, row #{row.idx}: The reference row must stand above this one")
    return Tax(charge_type=row.charge_type or "", rate=flt(row.rate), amount=flt(row.tax_amount), on_row=on_row)


def _set_base_amounts(order, kept):
    def in_books(amount):
        return flt(flt(amount) * order.conversion_rate, kept.precision)

    for field in ("total", "net_total", "total_taxes_and_charges", "discount_amount", "grand_total", "rounded_total"):
        order.set(f"base_{field}", in_books(order.get(field)))
    for row in order.items:
        for field in ("rate", "amount", "net_amount"):
            row.set(f"base_{field}", in_books(row.get(field)))
    for row in order.taxes:
        row.base_tax_amount, row.base_total = in_books(row.tax_amount), in_books(row.total)
