"""Warehouses: those of a new company, and which may hold goods."""

import frappe


def make_warehouses(company):
    """Make a company's warehouses: one group, and below it where goods can lie."""
    root = _insert("All Warehouses", company, is_group=1)
    for name in ("Stores", "Finished Goods", "Goods In Transit"):
        _insert(name, company, parent_warehouse=root)


def check_warehouses(names, company):
    """Stop unless all of the warehouses can hold goods of the company."""
    for name in sorted({name for name in names if name}):
        fields = ["company", "is_group", "disabled"]
        found = frappe.get_cached_value("Warehouse", name, fields, as_dict=True)
        if not found:
            continue
        if found.is_group:
            frappe.throw(f"Warehouse {name} is a group: choose one below it")
        if found.disabled:
            frappe.throw(f"Warehouse {name} is disabled")
        if found.company and company and found.company != company:
            frappe.throw(f"Warehouse {name} belongs to {found.company}, not to {company}")


def _insert(name, company, **more):
    values = {"doctype": "Warehouse", "warehouse_name": name, "company": company.name, **more}
    return frappe.get_doc(values).insert(ignore_permissions=True).name
