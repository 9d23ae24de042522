import json

import frappe
from frappe.tests import IntegrationTestCase
from frappe.utils import add_days, getdate, nowdate

from scoopjoy.company import COMPANY, STORES
from scoopjoy.storefront.orders import OrderChanged, References, take_order
from scoopjoy.storefront.request import InvalidOrder, parse_order

PLACE = {"line1": "12 MG Road", "city": "Pune", "state": "Maharashtra", "pincode": "411001"}


def an_email():
    return f"{frappe.generate_hash(length=12)}@example.com"


def an_order(**changes):
    given = {"customer_email": an_email(), "customer_name": "Priya Sharma", "delivery_address": PLACE, **changes}
    given.setdefault("items", [{"sku": "IC-CONE-VAN", "quantity": 2}, {"sku": "IC-SUN-FUDGE", "quantity": 1}])
    return parse_order(json.dumps(given).encode())


def take(order, **references):
    return take_order(order, References(**references))


def reserved(sku):
    return frappe.db.get_value("Bin", {"item_code": sku, "warehouse": STORES}, "reserved_qty") or 0


class TestTakeOrder(IntegrationTestCase):
    def test_an_order_becomes_a_submitted_sales_order(self):
        before = reserved("IC-CONE-VAN")
        answer = take(an_order())
        self.assertEqual((answer["status"], answer["grand_total"]), ("success", 340))
        order = frappe.get_doc("Sales Order", answer["sales_order"])
        self.assertEqual((order.docstatus, order.company, order.order_type), (1, COMPANY, "Shopping Cart"))
        self.assertEqual(getdate(order.delivery_date), getdate(add_days(nowdate(), 3)))
        self.assertEqual((order.items[0].item_code, order.items[0].rate), ("IC-CONE-VAN", 80))
        self.assertIn("12 MG Road", order.shipping_address)
        self.assertEqual(reserved("IC-CONE-VAN") - before, 2)

    def test_a_new_customer_is_made_with_contact_and_address(self):
        order = an_order()
        sales_order = frappe.get_doc("Sales Order", take(order)["sales_order"])
        customer = frappe.get_doc("Customer", sales_order.customer)
        self.assertEqual((customer.customer_group, customer.territory), ("Retail", "All Territories"))
        self.assertEqual((customer.customer_type, customer.customer_name), ("Individual", "Priya Sharma"))
        self.assertEqual(frappe.db.get_value("Contact", sales_order.contact_person, "email_id"), order.customer_email)
        address = frappe.get_doc("Address", sales_order.shipping_address_name)
        self.assertEqual((address.address_type, address.country, address.pincode), ("Shipping", "India", "411001"))
        self.assertEqual(address.links[0].link_name, customer.name)

    def test_a_customer_is_found_again_by_the_e_mail_address(self):
        email = an_email()
        answers = [take(an_order(customer_email=given)) for given in (email.upper(), email, email.title())]
        orders = [frappe.get_doc("Sales Order", answer["sales_order"]) for answer in answers]
        self.assertEqual(len({order.customer for order in orders}), 1)
        self.assertEqual(len({order.contact_person for order in orders}), 1)
        self.assertEqual(len({order.shipping_address_name for order in orders}), 1)

    def test_another_place_is_another_address(self):
        email = an_email()
        place = {**PLACE, "line2": "Flat 4", "country": "nl"}
        answers = [take(an_order(customer_email=email, delivery_address=given)) for given in (PLACE, place)]
        names = [frappe.db.get_value("Sales Order", a["sales_order"], "shipping_address_name") for a in answers]
        self.assertEqual(len(set(names)), 2)
        self.assertEqual(frappe.db.get_value("Address", names[1], "country"), "Netherlands")

    def test_a_contact_of_nobody_becomes_the_customer_s(self):
        email = an_email()
        values = {"doctype": "Contact", "first_name": "Priya", "email_ids": [{"email_id": email, "is_primary": 1}]}
        contact = frappe.get_doc(values).insert()
        sales_order = take(an_order(customer_email=email))["sales_order"]
        self.assertEqual(frappe.db.get_value("Sales Order", sales_order, "contact_person"), contact.name)

    def test_a_given_price_counts(self):
        items = [{"sku": "IC-CONE-VAN", "quantity": 2, "price": 70}, {"sku": "IC-SUN-FUDGE", "quantity": 1, "price": 0}]
        self.assertEqual(take(an_order(items=items))["grand_total"], 140)

    def test_what_is_not_sold_is_named(self):
        frappe.db.set_value("Item", "IC-TOP-NUTS", "disabled", 1)
        for sku in ("NO-SUCH-CONE", "IC-TOP-NUTS"):
            order = an_order(items=[{"sku": "IC-CONE-VAN", "quantity": 1}, {"sku": sku, "quantity": 1}])
            with self.subTest(sku=sku), self.assertRaisesRegex(InvalidOrder, rf"items\[1\].*{sku}"):
                take(order)
        frappe.db.set_value("Item", "IC-TOP-NUTS", "disabled", 0)

    def test_an_unknown_country_is_refused(self):
        with self.assertRaisesRegex(InvalidOrder, "Atlantis"):
            take(an_order(delivery_address={**PLACE, "country": "Atlantis"}))

    def test_the_same_reference_gets_the_first_answer(self):
        order, key = an_order(), frappe.generate_hash(length=12)
        first = take(order, order_id=key)
        before = reserved("IC-CONE-VAN")
        self.assertEqual(take(order, order_id=key), first)
        self.assertEqual(take(order, order_id=key, idempotency_key=f"{key} again"), first)
        self.assertEqual(reserved("IC-CONE-VAN"), before)
        self.assertNotEqual(take(order, idempotency_key=key), first)

    def test_another_order_under_a_reference_is_refused(self):
        key = frappe.generate_hash(length=12)
        take(an_order(), order_id=key, idempotency_key=key)
        for references in ({"order_id": key}, {"idempotency_key": key}):
            with self.subTest(references=references), self.assertRaises(OrderChanged):
                take(an_order(), **references)

    def test_guests_may_order_but_see_nothing(self):
        frappe.set_user("Guest")
        try:
            sales_order = take(an_order())["sales_order"]
            self.assertFalse(frappe.has_permission("Sales Order", doc=sales_order))
        finally:
            frappe.set_user("Administrator")
