import frappe
from frappe.tests import IntegrationTestCase

from trade.install import after_install
from trade.setup.defaults import Money, decimals, money, round_to_coin

MASTERS = ("Country", "Currency", "Territory", "Customer Group", "Item Group", "UOM", "Lead Source", "Warehouse")


class TestInstall(IntegrationTestCase):
    def test_a_site_has_its_masters(self):
        for doctype, name in (
            ("Country", "India"),
            ("Currency", "INR"),
            ("Territory", "All Territories"),
            ("Customer Group", "Retail"),
            ("Item Group", "All Item Groups"),
            ("UOM", "Nos"),
            ("Price List", "Standard Selling"),
            ("Lead Source", "Website"),
            ("Warehouse", "Stores"),
            ("Stock Entry Type", "Material Receipt"),
        ):
            self.assertTrue(frappe.db.exists(doctype, name), (doctype, name))

    def test_installing_again_changes_nothing(self):
        frappe.db.set_value("Lead Source", "Website", "details", "Ours")
        before = {doctype: frappe.db.count(doctype) for doctype in MASTERS}
        after_install()
        self.assertEqual({doctype: frappe.db.count(doctype) for doctype in MASTERS}, before)
        self.assertEqual(frappe.db.get_value("Lead Source", "Website", "details"), "Ours")


class TestMoney(IntegrationTestCase):
    def test_decimals_come_from_the_number_format(self):
        formats = {"#,##,###.##": 2, "#.###,##": 2, "# ###,##": 2, "#,###": 0, "#.###": 0, "#,###.###": 3, None: 2}
        self.assertEqual({text: decimals(text) for text in formats}, formats)

    def test_each_currency_is_kept_as_it_is_counted(self):
        self.assertEqual(money("INR"), Money(precision=2, smallest=1))
        self.assertEqual(money("JPY").precision, 0)
        self.assertEqual(money("KWD").precision, 3)

    def test_totals_are_rounded_to_the_smallest_coin(self):
        self.assertEqual(round_to_coin(310.49, Money(smallest=1)), 310)
        self.assertEqual(round_to_coin(10.03, Money(smallest=0.05)), 10.05)
