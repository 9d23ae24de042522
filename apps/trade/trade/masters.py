"""Standard documents: insert those that a site does not have yet."""

import frappe


def insert_missing(doctype, rows):
    """Insert the rows whose name is not taken; a row's first value is its name."""
    present = set(frappe.get_all(doctype, pluck="name"))
    for row in rows:
        name = next(iter(row.values()))
        if name not in present:
            frappe.get_doc({"doctype": doctype, **row}).insert(ignore_permissions=True)
            present.add(name)
