"""What a site has from the start. Each step adds what is missing and leaves what is there as it is."""

import frappe

from trade.contacts.masters import genders, salutations
from trade.crm.masters import lead_sources
from trade.geo.masters import countries, currencies
from trade.masters import insert_missing
from trade.selling.masters import price_lists
from trade.setup.masters import customer_groups, item_groups, territories, units
from trade.stock.masters import stock_entry_types, warehouses

ROLES = ("Sales User", "Sales Manager", "Sales Master Manager", "Stock User", "Stock Manager", "Item Manager")
SETTINGS = {
    "Global Defaults": {"default_currency": "INR", "country": "India"},
    "Selling Settings": {
        "cust_master_name": "Customer Name",
        "customer_group": "All Customer Groups",
        "territory": "All Territories",
        "selling_price_list": "Standard Selling",
    },
    "Stock Settings": {"default_warehouse": "Stores"},
}


def before_install():
    insert_missing("Role", ({"role_name": role, "desk_access": 1} for role in ROLES))


def after_install():
    insert_missing("Currency", currencies())
    insert_missing("Country", countries())
    insert_missing("Gender", genders())
    insert_missing("Salutation", salutations())
    insert_missing("Territory", territories())
    insert_missing("Customer Group", customer_groups())
    insert_missing("Item Group", item_groups())
    insert_missing("UOM", units())
    insert_missing("Lead Source", lead_sources())
    insert_missing("Price List", price_lists())
    insert_missing("Stock Entry Type", stock_entry_types())
    insert_missing("Warehouse", warehouses())
    for name, values in SETTINGS.items():
        set_missing(name, values)


def after_migrate():
    after_install()


def set_missing(name, values):
    """Give the empty fields of a single their values."""
    settings = frappe.get_doc(name)
    missing = {field: value for field, value in values.items() if not settings.get(field)}
    if missing:
        settings.update(missing)
        settings.save(ignore_permissions=True)
