import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import company, item, new, quantities, stock_entry, stores
from trade.stock.bins import NegativeStockError


class TestStockEntry(IntegrationTestCase):
    def test_stock_is_received_moved_and_issued(self):
        owner, cone = company(), item()
        other = f"Finished Goods - {owner.abbr}"
        rows = [{"item_code": cone.name, "qty": 10, "basic_rate": 30}]
        receipt = stock_entry("Material Receipt", owner, rows, to_warehouse=stores(owner)).submit()
        self.assertEqual((receipt.total_incoming_value, receipt.value_difference), (300, 300))
        rows = [{"item_code": cone.name, "qty": 4}]
        stock_entry("Material Transfer", owner, rows, from_warehouse=stores(owner), to_warehouse=other).submit()
        stock_entry("Material Issue", owner, [{"item_code": cone.name, "qty": 1}], from_warehouse=other).submit()
        self.assertEqual(quantities(cone.name, stores(owner)), (6, 0, 6))
        self.assertEqual(quantities(cone.name, other), (3, 0, 3))

    def test_cancelling_takes_it_back(self):
        owner, cone = company(), item(uoms=[{"uom": "Box", "conversion_factor": 12}])
        rows = [{"item_code": cone.name, "qty": 2, "uom": "Box"}]
        entry = stock_entry("Material Receipt", owner, rows, to_warehouse=stores(owner)).submit()
        self.assertEqual(quantities(cone.name, stores(owner)), (24, 0, 24))
        entry.cancel()
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 0, 0))

    def test_no_more_is_taken_out_than_there_is(self):
        owner, cone = company(), item()
        rows = [{"item_code": cone.name, "qty": 2}]
        receipt = stock_entry("Material Receipt", owner, rows, to_warehouse=stores(owner)).submit()
        with self.assertRaises(NegativeStockError):
            stock_entry(
                "Material Issue", owner, [{"item_code": cone.name, "qty": 3}], from_warehouse=stores(owner)
            ).submit()
        stock_entry(
            "Material Issue", owner, [{"item_code": cone.name, "qty": 1}], from_warehouse=stores(owner)
        ).submit()
        with self.assertRaises(NegativeStockError):
            receipt.cancel()
        self.assertEqual(quantities(cone.name, stores(owner)), (1, 0, 1))

    def test_each_purpose_needs_its_warehouses(self):
        owner = company()
        rows = [{"item_code": item().name, "qty": 1}]
        for purpose, given in (
            ("Material Receipt", {"from_warehouse": stores(owner)}),
            ("Material Issue", {"to_warehouse": stores(owner)}),
            ("Material Transfer", {"from_warehouse": stores(owner)}),
            ("Material Transfer", {"from_warehouse": stores(owner), "to_warehouse": stores(owner)}),
        ):
            with self.subTest(purpose=purpose), self.assertRaises(frappe.ValidationError):
                stock_entry(purpose, owner, rows, **given)

    def test_what_is_not_kept_in_stock_does_not_move(self):
        owner = company()
        rows = [{"item_code": item(is_stock_item=0).name, "qty": 1, "t_warehouse": stores(owner)}]
        with self.assertRaises(frappe.ValidationError):
            stock_entry("Material Receipt", owner, rows)

    def test_an_item_has_one_bin_in_a_warehouse(self):
        owner, cone = company(), item()
        key = {"item_code": cone.name, "warehouse": stores(owner)}
        new("Bin", **key).insert()
        with self.assertRaises(frappe.DuplicateEntryError):
            new("Bin", **key).insert()
