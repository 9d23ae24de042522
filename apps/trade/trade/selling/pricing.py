"""What an item costs: from a price list, else the item's standard selling rate."""

import frappe
from frappe.utils import flt, getdate

_PRICE_FIELDS = ["item_code", "uom", "customer", "currency", "price_list_rate", "valid_from", "valid_upto"]


def price_list_for(order, customer):
    """Return the price list of an order: its own, its customer's, else the one for all."""
    return (
        order.selling_price_list
        or (customer and customer.default_price_list)
        or frappe.db.get_single_value("Selling Settings", "selling_price_list")
    )


def prices(order, items, company_currency):
    """Return what one of each row's unit costs in the order's currency, by the row's number; 0 where nobody says."""
    found = _prices_in_list(order, sorted(items)) if order.selling_price_list and items else {}
    return {
        row.idx: _price(order, row, items[row.item_code], found.get(row.item_code, ()), company_currency)
        for row in order.items
        if row.item_code in items
    }


def _prices_in_list(order, codes):
    filters = {"price_list": order.selling_price_list, "item_code": ["in", codes], "selling": 1}
    day = getdate(order.transaction_date)
    found: dict[str, list] = {}
    for price in frappe.get_all("Item Price", filters=filters, fields=_PRICE_FIELDS, order_by="valid_from desc"):
        begun = price.valid_from is None or getdate(price.valid_from) <= day
        over = price.valid_upto is not None and getdate(price.valid_upto) < day
        if begun and not over and price.customer in {None, "", order.customer}:
            found.setdefault(price.item_code, []).append(price)
    return found


def _price(order, row, item, candidates, company_currency):
    # The customer's own prices first, then the row's unit before the stock unit; the newest of equals.
    for unit, factor in ((row.uom, 1), (item.stock_uom, row.conversion_factor)):
        of_unit = [price for price in candidates if (price.uom or item.stock_uom) == unit]
        for price in sorted(of_unit, key=lambda price: not price.customer):
            amount = _in_currency(order, price.price_list_rate, price.currency, company_currency)
            if amount is not None:
                return amount * factor
    rate = _in_currency(order, item.standard_rate, company_currency, company_currency)
    return flt(rate) * flt(row.conversion_factor)


def _in_currency(order, amount, currency, company_currency):
    """Return an amount in the order's currency; ``None`` where no rate between the two is known."""
    if not currency or currency == order.currency:
        return flt(amount)
    return flt(amount) / order.conversion_rate if currency == company_currency else None
