import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import a_name, item, new


class TestItemPrice(IntegrationTestCase):
    def test_a_price_knows_its_item_and_list(self):
        cone = item(item_name="Cone")
        price = new("Item Price", item_code=cone.name, price_list="Standard Selling", price_list_rate=75).insert()
        self.assertEqual((price.item_name, price.uom, price.currency, price.selling), ("Cone", "Nos", "INR", 1))

    def test_the_same_price_is_not_given_twice(self):
        cone = item()
        values = {"item_code": cone.name, "price_list": "Standard Selling", "price_list_rate": 75}
        new("Item Price", **values).insert()
        with self.assertRaises(frappe.ValidationError):
            new("Item Price", **values).insert()
        new("Item Price", **values, uom="Box").insert()

    def test_a_price_is_not_negative(self):
        with self.assertRaises(frappe.ValidationError):
            new("Item Price", item_code=item().name, price_list="Standard Selling", price_list_rate=-1).insert()

    def test_a_list_that_changes_its_currency_takes_its_prices_with_it(self):
        price_list = new("Price List", price_list_name=a_name("List"), currency="INR", selling=1).insert()
        price = new("Item Price", item_code=item().name, price_list=price_list.name, price_list_rate=75).insert()
        price_list.currency = "EUR"
        price_list.save()
        self.assertEqual(frappe.db.get_value("Item Price", price.name, "currency"), "EUR")

    def test_a_list_is_for_something(self):
        with self.assertRaises(frappe.ValidationError):
            new("Price List", price_list_name=a_name("List"), currency="INR").insert()
