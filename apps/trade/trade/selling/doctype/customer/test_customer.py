import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import a_name, customer, new


class TestCustomer(IntegrationTestCase):
    def test_namesakes_are_numbered(self):
        name = a_name("Asha")
        names = [customer(customer_name=f" {name} ").name for _ in range(3)]
        self.assertEqual(names, [name, f"{name}-1", f"{name}-2"])

    def test_group_and_territory_come_from_the_settings(self):
        found = customer()
        self.assertEqual((found.customer_group, found.territory), ("All Customer Groups", "All Territories"))

    def test_an_e_mail_address_makes_a_contact(self):
        found = customer(email_id="asha@example.com", mobile_no="+91 98 1234")
        contact = frappe.get_doc("Contact", frappe.db.get_value("Customer", found.name, "customer_primary_contact"))
        self.assertEqual((contact.email_id, contact.mobile_no), ("asha@example.com", "+91 98 1234"))
        self.assertEqual(contact.links[0].link_name, found.name)

    def test_a_lead_that_became_a_customer_is_converted(self):
        lead = new("Lead", lead_name="Asha").insert()
        customer(lead_name=lead.name)
        self.assertEqual(frappe.db.get_value("Lead", lead.name, "status"), "Converted")

    def test_a_customer_needs_a_name(self):
        with self.assertRaises(frappe.MandatoryError):
            customer(customer_name="  ")
