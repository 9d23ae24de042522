"""Who ordered: found by the e-mail address, else made, with a contact and an address."""

import hashlib

import frappe
from frappe.utils.synchronization import filelock

from scoopjoy.company import COUNTRY, CUSTOMER_GROUP, TERRITORY
from scoopjoy.storefront.request import InvalidOrder


def lock_name(kind, text):
    """Return a name for a lock that can be a file's name too."""
    return f"scoopjoy-{kind}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def customer_for(email, name):
    """Return the customer with this e-mail address and the contact that has it; both are made when they are missing."""
    with filelock(lock_name("customer", email.lower())):
        filters = {"email_id": ["in", sorted({email, email.lower()})], "parenttype": "Contact"}
        contacts = frappe.get_all("Contact Email", filters=filters, pluck="parent", order_by="creation asc")
        if contacts:
            filters = {"parent": ["in", contacts], "parenttype": "Contact", "link_doctype": "Customer"}
            fields = ["link_name", "parent"]
            found = frappe.db.get_value("Dynamic Link", filters, fields, order_by="creation asc")
            if found:
                return tuple(found)
        customer = _insert_customer(name)
        return customer, _link_contact(contacts[0], customer) if contacts else _insert_contact(email, name, customer)


def address_for(customer, name, email, delivery):
    """Return the customer's shipping address that is the same, else a new one."""
    values = {
        "address_line1": delivery.line1,
        "address_line2": delivery.line2,
        "city": delivery.city,
        "state": delivery.state,
        "pincode": delivery.pincode,
        "country": _country(delivery.country),
        "address_type": "Shipping",
    }
    link = {"link_doctype": "Customer", "link_name": customer}
    names = frappe.get_all("Dynamic Link", filters={**link, "parenttype": "Address"}, pluck="parent")
    if names:
        filters = {field: value or ["is", "not set"] for field, value in values.items()}
        found = frappe.db.get_value("Address", {**filters, "name": ["in", names], "disabled": 0}, "name")
        if found:
            return found
    more = {"address_title": name, "email_id": email, "is_shipping_address": 1, "links": [link]}
    address = frappe.get_doc({"doctype": "Address", **values, **more})
    return address.insert(ignore_permissions=True).name


def _insert_customer(name):
    customer = frappe.get_doc(
        {
            "doctype": "Customer",
            "customer_name": name,
            "customer_type": "Individual",
            "customer_group": CUSTOMER_GROUP,
            "territory": TERRITORY,
        },
    )
    return customer.insert(ignore_permissions=True).name


def _insert_contact(email, name, customer):
    contact = frappe.get_doc(
        {
            "doctype": "Contact",
            "first_name": name,
            "is_primary_contact": 1,
            "email_ids": [{"email_id": email.lower(), "is_primary": 1}],
            "links": [{"link_doctype": "Customer", "link_name": customer}],
        },
    )
    return contact.insert(ignore_permissions=True).name


def _link_contact(name, customer):
    contact = frappe.get_doc("Contact", name)
    contact.append("links", {"link_doctype": "Customer", "link_name": customer})
    return contact.save(ignore_permissions=True).name


def _country(given):
    """Return a country by its name or its two letters; India when nothing is said."""
    if given is None:
        return COUNTRY
    found = frappe.db.get_value("Country", {"name": given}, "name")
    found = found or frappe.db.get_value("Country", {"code": given.lower()}, "name")
    if not found:
        raise InvalidOrder(f"delivery_address.country: {given} is not known; give its English name or its two letters")
    return found
