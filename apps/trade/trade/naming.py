"""Names that are taken from people's words, and so may be taken already."""

import frappe
from frappe.utils.synchronization import filelock

LONGEST = 120


def free_name(doctype, wanted):
    """Return the wanted name, or it with the first free number; others wait until this transaction has ended."""
    wanted = " ".join(wanted.split())[:LONGEST]
    with filelock(f"name of {doctype} {wanted}"):
        if not frappe.db.exists(doctype, wanted):
            return wanted
        start = f"{wanted}-"
        taken = frappe.get_all(doctype, filters={"name": ["like", f"{start}%"]}, pluck="name")
        numbers = [int(end) for end in (name[len(start) :] for name in taken) if end.isdecimal()]
        return f"{start}{max(numbers, default=0) + 1}"
