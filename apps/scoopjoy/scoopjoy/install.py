"""What a ScoopJoy site has from the start. Each step adds what is missing and leaves what is there as it is."""

import frappe

from scoopjoy.catalogue import item_groups, items
from scoopjoy.company import ABBREVIATION, COMPANY, COUNTRY, CURRENCY, CUSTOMER_GROUP
from scoopjoy.custom_fields import custom_fields
from scoopjoy.google import add_google
from scoopjoy.webhooks import add_webhooks


def after_install():
    insert_missing("Company", "company_name", _companies())
    insert_missing("Customer Group", "customer_group_name", _customer_groups())
    insert_missing("Item Group", "item_group_name", item_groups())
    if has_custom_fields():
        insert_missing("Custom Field", "name", custom_fields(_fields_of("Item")))
    insert_missing("Item", "item_code", items())
    add_webhooks()
    add_google()


def after_migrate():
    after_install()


def has_custom_fields():
    """Return whether this server lets apps add fields to each other's DocTypes."""
    try:
        return bool(frappe.get_meta("Custom Field"))
    except Exception:  # noqa: BLE001 - however a server says that it knows no such DocType
        return False


def insert_missing(doctype, key, rows):
    """Insert the rows whose name, which stands under the key, is not taken."""
    present = set(frappe.get_all(doctype, pluck="name"))
    for row in rows:
        if row[key] not in present:
            frappe.get_doc({"doctype": doctype, **row}).insert(ignore_permissions=True)


def _fields_of(doctype):
    return {field.fieldname for field in frappe.get_meta(doctype).fields}


def _companies():
    yield {"company_name": COMPANY, "abbr": ABBREVIATION, "default_currency": CURRENCY, "country": COUNTRY}


def _customer_groups():
    yield {"customer_group_name": CUSTOMER_GROUP, "parent_customer_group": "All Customer Groups"}
