import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import a_name, company, new


class TestCompany(IntegrationTestCase):
    def test_a_company_gets_its_warehouses(self):
        owner = company()
        filters = {"company": owner.name, "is_group": 0}
        root = f"All Warehouses - {owner.abbr}"
        found = frappe.get_all("Warehouse", filters=filters, fields=["warehouse_name", "parent_warehouse"])
        self.assertIn("Stores", {warehouse.warehouse_name for warehouse in found})
        self.assertEqual({warehouse.parent_warehouse for warehouse in found}, {root})

    def test_an_abbreviation_is_made_of_the_initials(self):
        initials = frappe.generate_hash(length=6).upper()
        name = " ".join(f"{letter}x" for letter in initials)
        owner = new("Company", company_name=name, default_currency="INR", country="India").insert()
        self.assertEqual(owner.abbr, initials)

    def test_two_companies_do_not_share_an_abbreviation(self):
        first = company()
        with self.assertRaises(frappe.ValidationError):
            company(abbr=first.abbr)

    def test_the_first_company_is_the_default_one(self):
        company(company_name=a_name("Later Foods"))
        default = frappe.db.get_single_value("Global Defaults", "default_company")
        self.assertEqual(default, frappe.get_all("Company", order_by="creation asc", limit=1, pluck="name")[0])
