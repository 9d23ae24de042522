import frappe
from frappe.tests import IntegrationTestCase
from frappe.utils import add_days, getdate, nowdate

from trade.samples import a_name, company, customer, item, new, quantities, sales_order, stores


class TestSalesOrder(IntegrationTestCase):
    def test_an_order_is_filled_in_from_customer_and_items(self):
        owner, cone, buyer = company(), item(standard_rate=80, item_name="Cone"), customer(email_id="a@example.com")
        order = sales_order(owner, [{"item_code": cone.name, "qty": 2}], customer=buyer.name)
        row = order.items[0]
        self.assertEqual((row.item_name, row.uom, row.rate, row.amount), ("Cone", "Nos", 80, 160))
        self.assertEqual((row.warehouse, row.stock_qty), (stores(owner), 2))
        self.assertEqual((order.customer_name, order.contact_email), (buyer.customer_name, "a@example.com"))
        self.assertEqual((order.total_qty, order.total, order.grand_total, order.status), (2, 160, 160, "Draft"))

    def test_the_price_list_comes_before_the_standard_rate(self):
        cone = item(standard_rate=80)
        new("Item Price", item_code=cone.name, price_list="Standard Selling", price_list_rate=75).insert()
        self.assertEqual(sales_order(company(), [{"item_code": cone.name, "qty": 1}]).grand_total, 75)

    def test_a_customer_s_own_price_comes_first(self):
        cone, buyer = item(), customer()
        price = {"item_code": cone.name, "price_list": "Standard Selling"}
        new("Item Price", **price, price_list_rate=75).insert()
        new("Item Price", **price, price_list_rate=60, customer=buyer.name).insert()
        rows = [{"item_code": cone.name, "qty": 1}]
        self.assertEqual(sales_order(company(), rows, customer=buyer.name).grand_total, 60)
        self.assertEqual(sales_order(company(), rows).grand_total, 75)

    def test_a_price_counts_only_on_its_days(self):
        cone = item(standard_rate=80)
        price = {"item_code": cone.name, "price_list": "Standard Selling"}
        new("Item Price", **price, price_list_rate=1, valid_from=add_days(nowdate(), 1)).insert()
        over = {"valid_from": add_days(nowdate(), -9), "valid_upto": add_days(nowdate(), -1)}
        new("Item Price", **price, price_list_rate=2, **over).insert()
        self.assertEqual(sales_order(company(), [{"item_code": cone.name, "qty": 1}]).grand_total, 80)

    def test_a_given_rate_is_kept_and_shown_as_a_discount(self):
        row = sales_order(company(), [{"item_code": item(standard_rate=80).name, "qty": 1, "rate": 60}]).items[0]
        self.assertEqual((row.rate, row.discount_amount, row.discount_percentage), (60, 20, 25))

    def test_a_discount_lowers_the_rate(self):
        row = {"item_code": item(standard_rate=80).name, "qty": 1, "discount_percentage": 25}
        self.assertEqual(sales_order(company(), [row]).grand_total, 60)

    def test_a_gift_costs_nothing(self):
        row = {"item_code": item().name, "qty": 1, "is_free_item": 1}
        self.assertEqual(sales_order(company(), [row]).grand_total, 0)

    def test_an_item_is_sold_in_another_unit(self):
        cone = item(standard_rate=80, uoms=[{"uom": "Box", "conversion_factor": 12}])
        row = sales_order(company(), [{"item_code": cone.name, "qty": 2, "uom": "Box"}]).items[0]
        self.assertEqual((row.stock_qty, row.rate, row.amount), (24, 960, 1920))

    def test_taxes_come_from_the_template(self):
        taxes = [{"charge_type": "On Net Total", "account_head": "GST", "rate": 18}]
        template = new("Sales Taxes and Charges Template", title=a_name("GST"), taxes=taxes).insert()
        rows = [{"item_code": item(standard_rate=100).name, "qty": 1}]
        order = sales_order(company(), rows, taxes_and_charges=template.name)
        self.assertEqual((order.net_total, order.total_taxes_and_charges, order.grand_total), (100, 18, 118))

    def test_another_currency_needs_a_rate(self):
        rows = [{"item_code": item(standard_rate=830).name, "qty": 1}]
        with self.assertRaises(frappe.ValidationError):
            sales_order(company(), rows, currency="USD")
        order = sales_order(company(), rows, currency="USD", conversion_rate=83)
        self.assertEqual((order.grand_total, order.base_grand_total), (10, 830))

    def test_submitting_reserves_and_cancelling_releases(self):
        owner, cone = company(), item()
        order = sales_order(owner, [{"item_code": cone.name, "qty": 2}, {"item_code": cone.name, "qty": 3}])
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 0, 0))
        order.submit()
        self.assertEqual(order.status, "To Deliver and Bill")
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 5, -5))
        order.cancel()
        self.assertEqual(order.status, "Cancelled")
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 0, 0))

    def test_what_was_reserved_is_released_whatever_becomes_of_the_item(self):
        owner, cone = company(), item()
        order = sales_order(owner, [{"item_code": cone.name, "qty": 2}]).submit()
        frappe.db.set_value("Item", cone.name, {"is_stock_item": 0, "disabled": 1})
        order.cancel()
        self.assertEqual(quantities(cone.name, stores(owner))[1], 0)

    def test_an_amended_order_reserves_again(self):
        owner, cone = company(), item()
        order = sales_order(owner, [{"item_code": cone.name, "qty": 2}]).submit()
        order.cancel()
        amended = frappe.copy_doc(order)
        amended.amended_from = order.name
        amended.items[0].qty = 7
        amended.insert().submit()
        self.assertEqual(amended.name, f"{order.name}-1")
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 7, -7))

    def test_a_service_reserves_nothing_and_needs_no_warehouse(self):
        owner, service = company(), item(is_stock_item=0)
        sales_order(owner, [{"item_code": service.name, "qty": 1}]).submit()
        self.assertFalse(frappe.db.exists("Bin", {"item_code": service.name}))

    def test_an_order_is_inserted_and_submitted_in_one_step(self):
        owner, cone = company(), item()
        order = sales_order(owner, [{"item_code": cone.name, "qty": 4}], docstatus=1)
        self.assertEqual((order.docstatus, order.status), (1, "To Deliver and Bill"))
        self.assertEqual(quantities(cone.name, stores(owner)), (0, 4, -4))

    def test_delivery_is_not_before_the_order(self):
        rows = [{"item_code": item().name, "qty": 1}]
        with self.assertRaises(frappe.ValidationError):
            sales_order(company(), rows, delivery_date=add_days(nowdate(), -1))
        order = sales_order(company(), rows, delivery_date=add_days(nowdate(), 3))
        self.assertEqual(getdate(order.items[0].delivery_date), getdate(add_days(nowdate(), 3)))

    def test_bad_rows_are_refused(self):
        owner, cone, hidden = company(), item().name, item(disabled=1).name
        not_sold, other = item(is_sales_item=0).name, company()
        bad = (
            {"item_code": cone, "qty": 0},
            {"item_code": cone, "qty": -1},
            {"item_code": cone, "qty": 1.5},
            {"item_code": cone, "qty": 1, "rate": -1},
            {"item_code": cone, "qty": 1, "uom": "Kg"},
            {"item_code": cone, "qty": 1, "warehouse": stores(other)},
            {"item_code": cone, "qty": 1, "warehouse": f"All Warehouses - {owner.abbr}"},
            {"item_code": hidden, "qty": 1},
            {"item_code": not_sold, "qty": 1},
            {"item_code": "no such item", "qty": 1},
        )
        for row in bad:
            with self.subTest(row=row), self.assertRaises(frappe.ValidationError):
                sales_order(owner, [row])

    def test_a_disabled_customer_orders_nothing(self):
        buyer = customer(disabled=1)
        with self.assertRaises(frappe.ValidationError):
            sales_order(company(), [{"item_code": item().name, "qty": 1}], customer=buyer.name)
