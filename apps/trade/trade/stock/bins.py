"""What lies in the warehouses, and what of it is promised: one Bin for an item in a warehouse."""

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
    for (item_code, warehouse), quantity in sorted(sums.items()):
        if quantity:
            _change(item_code, warehouse, field, quantity, allow_negative)


def _change(item_code, warehouse, field, quantity, allow_negative):
    key = {"item_code": item_code, "warehouse": warehouse}
    with filelock(f"Bin of {item_code} in {warehouse}"):
        name = frappe.db.get_value("Bin", key, "name")
        found = frappe.get_doc("Bin", name) if name else frappe.get_doc({"doctype": "Bin", **key})
        result = flt(flt(found.get(field)) + quantity, QUANTITY_DIGITS)
        if result < 0 and quantity < 0 and not allow_negative:
            there = flt(found.get(field))
            message = f"{abs(quantity):g} of {item_code} are needed in {warehouse}, where there are {there:g}"
            frappe.throw(message, NegativeStockError, title="Insufficient Stock")
        found.set(field, result)
        # Item and warehouse were looked up by whoever changes the bin.
        found.flags.ignore_links = True
        found.save(ignore_permissions=True)
