import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import company, item, quantities, stock_entry, stores


class TestItem(IntegrationTestCase):
    def test_name_and_description_come_from_the_code(self):
        found = item()
        self.assertEqual((found.item_name, found.description, found.stock_uom), (found.name, found.name, "Nos"))

    def test_a_unit_stands_once_and_is_something(self):
        for uoms in ([{"uom": "Box", "conversion_factor": 12}] * 2, [{"uom": "Box", "conversion_factor": 0}]):
            with self.subTest(uoms=uoms), self.assertRaises(frappe.ValidationError):
                item(uoms=uoms)

    def test_the_stock_unit_stays_while_there_is_stock(self):
        owner, cone = company(), item()
        rows = [{"item_code": cone.name, "qty": 1, "t_warehouse": stores(owner)}]
        stock_entry("Material Receipt", owner, rows).submit()
        cone.reload()
        cone.stock_uom = "Kg"
        with self.assertRaises(frappe.ValidationError):
            cone.save()

    def test_an_item_without_stock_takes_its_bins_with_it(self):
        owner, cone = company(), item()
        rows = [{"item_code": cone.name, "qty": 1, "t_warehouse": stores(owner)}]
        entry = stock_entry("Material Receipt", owner, rows).submit()
        entry.cancel()
        entry.delete()
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 0, 0))
        frappe.delete_doc("Item", cone.name)
        self.assertFalse(frappe.db.exists("Bin", {"item_code": cone.name}))
