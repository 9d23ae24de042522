"""Code that takes part in the life of a Customer. Leads have none, so that they stay on the inline lane."""

import frappe


def refuse_forbidden_name(doc, method):
    if doc.customer_name == "Forbidden":
        frappe.throw("Nobody may be called Forbidden", title="Name Refused")


def fail_after_saving(doc, method):
    """Fail when the document, and what it sets off, is written already."""
    if doc.customer_name.startswith("Doomed"):
        raise RuntimeError("the till is jammed")
