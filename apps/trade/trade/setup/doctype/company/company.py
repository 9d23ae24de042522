import re

import frappe

from trade.setup.defaults import adopt_company
from trade.stock.warehouses import make_warehouses
from trade.tree import TreeDocument


class Company(TreeDocument):
    nsm_parent_field = "parent_company"
    abbr: str

    def before_validate(self):
        self.abbr = (self.abbr or initials(self.company_name or "")).strip()

    def validate(self):
        super().validate()
        if "-" in self.abbr:
            frappe.throw(f"Abbreviation {self.abbr} holds a '-', which stands between a warehouse's name and it")
        other = frappe.db.get_value("Company", {"abbr": self.abbr, "name": ["!=", self.name]}, "name")
        if other:
            frappe.throw(f"Abbreviation {self.abbr} is used for the company {other} already")

    def after_insert(self):
        make_warehouses(self)
        adopt_company(self)

    def default_parent(self):
        """Return nothing: a company stands alone unless it is told otherwise."""
        return


def initials(name):
    """Return the first letters of a name's words, at most ten."""
    return "".join(word[0] for word in re.findall(r"\w+", name))[:10].upper()
