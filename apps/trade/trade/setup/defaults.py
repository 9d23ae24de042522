"""What documents take when nothing is said: company, currency, warehouse."""

from dataclasses import dataclass

import frappe
from frappe.utils import flt

# The formats that do not show two decimals.
_DECIMALS = {"#,###.###": 3, "#.###": 0, "#,###": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """How amounts of a currency are kept: decimals, and the smallest coin that totals are rounded to."""

    precision: int = 2
    smallest: float = 0.01


def default_company():
    return frappe.db.get_single_value("Global Defaults", "default_company")


def company_currency(company):
    """Return the currency that a company keeps its books in."""
    own = frappe.get_cached_value("Company", company, "default_currency") if company else None
    return own or frappe.db.get_single_value("Global Defaults", "default_currency") or "INR"


def money(currency):
    """Return how amounts of a currency are kept."""
    fields = ("number_format", "smallest_currency_fraction_value")
    found = frappe.get_cached_value("Currency", currency, fields, as_dict=True)
    if not found:
        return Money()
    return Money(precision=decimals(found.number_format), smallest=found.smallest_currency_fraction_value or 0.01)


def decimals(number_format):
    """Return how many digits one of Frappe's number formats shows after the decimal mark."""
    return _DECIMALS.get(number_format, 2)


def round_to_coin(amount, kept):
    """Return an amount rounded to the smallest coin."""
    coins = flt(flt(amount) / kept.smallest, 0)
    return flt(coins * kept.smallest, kept.precision)


def default_warehouse(company):
    """Return the warehouse for goods of a company, if it has one."""
    settled = frappe.db.get_single_value("Stock Settings", "default_warehouse")
    if settled and frappe.get_cached_value("Warehouse", settled, "company") in {None, company}:
        return settled
    filters = {"company": company, "is_group": 0, "disabled": 0}
    return frappe.db.get_value("Warehouse", filters, "name", order_by="creation asc") if company else None


def adopt_company(company):
    """Make the first company the default one, with its currency and country, and its stores the default warehouse."""
    defaults = frappe.get_doc("Global Defaults")
    if not defaults.default_company:
        defaults.default_company = company.name
        defaults.default_currency = company.default_currency
        defaults.country = company.country
        defaults.save(ignore_permissions=True)
    settings = frappe.get_doc("Stock Settings")
    current = settings.default_warehouse
    if not current or not frappe.db.get_value("Warehouse", current, "company"):
        settings.default_warehouse = f"Stores - {company.abbr}"
        settings.save(ignore_permissions=True)
