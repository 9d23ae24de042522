"""Addresses and contacts as other documents show them."""

import frappe
from frappe.utils import escape_html

_ADDRESS = ("address_line1", "address_line2", "city", "county", "state", "pincode", "country")


def address_display(name):
    """Return an address as lines of HTML; nothing where there is none."""
    found = frappe.db.get_value("Address", name, _ADDRESS) if name else None
    return "<br>\n".join(escape_html(line) for line in found if line) if found else None


def contact_values(name):
    """Return name, e-mail address and mobile number of a contact; nothing where there is none."""
    fields = ["full_name", "email_id", "mobile_no"]
    return frappe.db.get_value("Contact", name, fields, as_dict=True) if name else None
