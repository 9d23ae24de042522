"""What lies in the warehouses, and what of it is promised: one Bin for an item in a warehouse."""

from contextlib import ExitStack

import frappe
from frappe.utils import flt
from frappe.utils.synchronization import filelock

from trade.stock.items import QUANTITY_DIGITS


class NegativeStockError(frappe.ValidationError):
    """More is taken out than there is."""


def change_bins(changes, field, allow_negative=True):
    """Add to a quantity of several bins, and save each, so that whoever listens to Bin is told.

    Args:
        changes: Pairs of (item_code, warehouse) and the quantity to add, in the item's stock unit.
        field: ``actual_qty`` or ``reserved_qty``.
    """
    sums: dict[tuple[str, str], float] = {}
    for key, quantity in changes:
        sums[key] = flt(sums.get(key, 0.0) + quantity, QUANTITY_DIGITS)
    # In one order everywhere, so that two transactions never wait for each other.
    keys = sorted(key for key, quantity in sums.items() if quantity)
    with ExitStack() as locks:
        for item_code, warehouse in keys:
            locks.enter_context(filelock(f"Bin of {item_code} in {warehouse}"))
        names = _names(keys)
        for key in keys:
            _change(key, names.get(key), field, sums[key], allow_negative)


def _names(keys):
    filters = {"item_code": ["in", [key[0] for key in keys]], "warehouse": ["in", sorted({key[1] for key in keys})]}
    fields = ["name", "item_code", "warehouse"]
    found = frappe.get_all("Bin", filters=filters, fields=fields) if keys else []
    return {(row.item_code, row.warehouse): row.name for row in found}


def _change(key, name, field, quantity, allow_negative):
    item_code, warehouse = key
    new = {"doctype": "Bin", "item_code": item_code, "warehouse": warehouse}
    found = frappe.get_doc("Bin", name) if name else frappe.get_doc(new)
    there = flt(found.get(field))
    result = flt(there + quantity, QUANTITY_DIGITS)
    if result < 0 and quantity < 0 and not allow_negative:
        message = f"{abs(quantity):g} of {item_code} are needed in {warehouse}, where there are {there:g}"
        frappe.throw(message, NegativeStockError, title="Insufficient Stock")
    found.set(field, result)
    # Item and warehouse were looked up by whoever changes the bin.
    found.flags.ignore_links = True
    found.save(ignore_permissions=True)
