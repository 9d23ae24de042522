"""What documents need to know of the items in their rows."""

import frappe
from frappe.utils import flt, getdate

QUANTITY_DIGITS = 9
"""Quantities are sums of many; more digits than this are the dust of binary fractions."""

_FIELDS = [
    "name",
    "item_name",
    "item_group",
    "brand",
    "image",
    "description",
    "stock_uom",
    "sales_uom",
    "standard_rate",
    "max_discount",
    "valuation_rate",
    "is_stock_item",
    "is_sales_item",
    "disabled",
    "end_of_life",
]


def items_of(rows):
    """Return the items of rows by their code; those that do not exist are left out."""
    codes = sorted({row.item_code for row in rows if row.item_code})
    if not codes:
        return {}
    found = frappe.get_all("Item", filters={"name": ["in", codes]}, fields=_FIELDS)
    return {item.name: item for item in found}


def check_items(rows, items, on):
    """Stop at an item that is disabled or past its end on a day."""
    for row in rows:
        item = items.get(row.item_code)
        if item is None:
            continue
        if item.disabled:
            frappe.throw(f"Row #{row.idx}: Item {item.name} is disabled")
        if item.end_of_life and getdate(item.end_of_life) < getdate(on):
            frappe.throw(f"Row #{row.idx}: Item {item.name} has reached its end of life on {item.end_of_life}")


def set_quantities(rows, items, stock_quantity):
    """Fill the units of rows, and their quantity in the item's stock unit.

    Args:
        stock_quantity: Name of the field for the latter.
    """
    for row in rows:
        item = items.get(row.item_code)
        if item is None:
            continue
        row.stock_uom = item.stock_uom
        row.uom = row.uom or item.stock_uom
        if row.uom == item.stock_uom:
            row.conversion_factor = 1.0
        elif not row.conversion_factor:
            row.conversion_factor = conversion_factor(item.name, row.uom)
            if not row.conversion_factor:
                message = f"Row #{row.idx}: {item.name} has no conversion from {row.uom} to {item.stock_uom}"
                frappe.throw(f"{message}: add it to the item's units, or give a conversion factor")
        row.set(stock_quantity, flt(flt(row.qty) * row.conversion_factor, QUANTITY_DIGITS))
    _check_whole(rows, stock_quantity)


def conversion_factor(item_code, uom):
    """Return how many of the item's stock unit make one of another unit; ``None`` where the item does not say."""
    filters = {"parent": item_code, "parenttype": "Item", "uom": uom}
    return frappe.db.get_value("UOM Conversion Detail", filters, "conversion_factor")


def _check_whole(rows, stock_quantity):
    units = sorted({unit for row in rows for unit in (row.uom, row.stock_uom) if unit})
    if all(flt(row.qty).is_integer() and flt(row.get(stock_quantity)).is_integer() for row in rows) or not units:
        return
    filters = {"name": ["in", units], "must_be_whole_number": 1}
    whole = set(frappe.get_all("UOM", filters=filters, pluck="name"))
    for row in rows:
        for unit, quantity in ((row.uom, row.qty), (row.stock_uom, row.get(stock_quantity))):
            if unit in whole and not flt(quantity).is_integer():
                frappe.throw(f"Row #{row.idx}: Quantity {quantity} cannot be a fraction, since {unit} is counted whole")
