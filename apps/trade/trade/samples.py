"""Documents for tests, each with a name of its own."""

import frappe


def new(doctype, **values):
    return frappe.get_doc({"doctype": doctype, **values})


def a_name(word):
    return f"{word} {frappe.generate_hash(length=10)}"


def company(**values):
    given = {"company_name": a_name("Test Foods"), "abbr": frappe.generate_hash(length=8), **values}
    return new("Company", **{"default_currency": "INR", "country": "India", **given}).insert()


def item(**values):
    given = {"item_code": a_name("TEST"), "item_group": "Products", "standard_rate": 100, **values}
    return new("Item", **given).insert()


def customer(**values):
    return new(
        "Customer", **{"customer_name": a_name("Test Customer"), "customer_type": "Individual", **values}
    ).insert()


def sales_order(owner, items, **values):
    """Return a draft order of a company's customer."""
    given = {"company": owner.name, "customer": values.pop("customer", None) or customer().name, "items": items}
    return new("Sales Order", **given, set_warehouse=stores(owner), **values).insert()


def stock_entry(purpose, owner, items, **values):
    return new("Stock Entry", stock_entry_type=purpose, company=owner.name, items=items, **values).insert()


def stores(owner):
    return f"Stores - {owner.abbr}"


def quantities(item_code, warehouse):
    """Return actual, reserved and projected quantity; zeros where there is no bin."""
    fields = ["actual_qty", "reserved_qty", "projected_qty"]
    return tuple(frappe.db.get_value("Bin", {"item_code": item_code, "warehouse": warehouse}, fields) or (0, 0, 0))
