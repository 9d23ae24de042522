"""What makes an empty ScoopJoy site lively; run by hand: ``demitasse execute scoopjoy.demo.receive_stock``."""

import frappe

from scoopjoy.catalogue import items
from scoopjoy.company import COMPANY, STORES


@frappe.whitelist(methods=["POST"])
def receive_stock(qty=100):
    """Put a quantity of every item into the stores, and return the Stock Entry's name."""
    frappe.only_for("System Manager")
    entry = frappe.get_doc(
        {
            "doctype": "Stock Entry",
            "stock_entry_type": "Material Receipt",
            "purpose": "Material Receipt",
            "company": COMPANY,
            "to_warehouse": STORES,
            "items": [
                {"item_code": item["item_code"], "qty": qty, "basic_rate": item["standard_rate"] / 2}
                for item in items()
            ],
        },
    )
    entry.insert()
    entry.submit()
    return entry.name
