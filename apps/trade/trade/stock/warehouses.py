"""Warehouses: those of a new company, and which may hold goods."""

import frappe


def make_warehouses(company):
    """Make a company's warehouses: one group, and below it where goods can lie."""
    root = _insert("All Warehouses", company, is_group=1)
    for name in ("Stores", "Finished Goods", "Goods In Transit"):
        _insert(name, company, parent_warehouse=root)


def check_warehouses(names, company):
    """Stop unless all of the warehouses can hold goods of the company."""
    wanted = sorted({name for name in names if name})
    if not wanted:
        return
    fields = ["name", "company", "is_group", "disabled"]
    for found in frappe.get_all("Warehouse", filters={"name": ["in", wanted]}, fields=fields):
        if found.is_group:
            frappe.throw(f"Warehouse {found.name} is a group: choose one below it")
        if found.disabled:
            frappe.throw(f"Warehouse {found.name} is disabled")
        if found.company and company and found.company != company:
            frappe.throw(f"Warehouse {found.name} belongs to {found.company}, not to {company}")


def _insert(name, company, **more):
    values = {"doctype": "Warehouse", "warehouse_name": name, "company": company.name, **more}
    return frappe.get_doc(values).insert(ignore_permissions=True).name
