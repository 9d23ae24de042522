"""What happens to documents of the fixture."""

import frappe


def commit_when_told(doc, method=None):
    if doc.title == "commit in a hook":
        frappe.db.commit()
    if doc.title == "roll back in a hook":
        frappe.db.rollback()
