import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import customer, new


class TestContact(IntegrationTestCase):
    def test_a_contact_shows_its_primary_address_and_number(self):
        contact = new(
            "Contact",
            first_name="Asha",
            last_name="Rao",
            email_ids=[{"email_id": "old@example.com"}, {"email_id": "new@example.com", "is_primary": 1}],
            phone_nos=[
                {"phone": "+91 20 1234", "is_primary_phone": 1},
                {"phone": "+91 98 1234", "is_primary_mobile_no": 1},
            ],
        ).insert()
        self.assertEqual((contact.full_name, contact.email_id), ("Asha Rao", "new@example.com"))
        self.assertEqual((contact.phone, contact.mobile_no), ("+91 20 1234", "+91 98 1234"))

    def test_the_only_address_is_the_primary_one(self):
        contact = new("Contact", first_name="Asha", email_ids=[{"email_id": "asha@example.com"}]).insert()
        self.assertEqual(contact.email_id, "asha@example.com")

    def test_two_primary_addresses_are_refused(self):
        rows = [{"email_id": f"{name}@example.com", "is_primary": 1} for name in ("a", "b")]
        with self.assertRaises(frappe.ValidationError):
            new("Contact", first_name="Asha", email_ids=rows).insert()

    def test_a_link_stands_once_and_has_a_title(self):
        owner = customer()
        link = {"link_doctype": "Customer", "link_name": owner.name}
        contact = new("Contact", first_name="Asha", links=[link, link]).insert()
        self.assertEqual([row.link_title for row in contact.links], [owner.customer_name])
        self.assertEqual(contact.name, f"Asha-{owner.name}")

    def test_the_parent_of_an_address_can_be_asked_for(self):
        email = f"{frappe.generate_hash(length=10)}@example.com"
        contact = new("Contact", first_name="Asha", email_ids=[{"email_id": email}]).insert()
        self.assertEqual(frappe.db.get_value("Contact Email", {"email_id": email}, "parent"), contact.name)
