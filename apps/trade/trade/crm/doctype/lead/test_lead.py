import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import new


class TestLead(IntegrationTestCase):
    def test_a_lead_is_called_after_the_person(self):
        lead = new("Lead", first_name=" Asha ", last_name="Rao", company_name="Rao Sweets").insert()
        self.assertEqual(lead.lead_name, "Asha Rao")
        self.assertEqual(lead.title, "Rao Sweets")

    def test_a_lead_without_a_person_is_called_after_the_organization(self):
        self.assertEqual(new("Lead", company_name="Rao Sweets").insert().lead_name, "Rao Sweets")

    def test_a_given_name_is_kept(self):
        self.assertEqual(new("Lead", lead_name="Outlet 7", first_name="Asha").insert().lead_name, "Outlet 7")

    def test_a_lead_needs_a_name(self):
        with self.assertRaises(frappe.MandatoryError):
            new("Lead", email_id="asha@example.com").insert()

    def test_a_new_lead_is_open_and_its_maker_s(self):
        lead = new("Lead", lead_name="Asha").insert()
        self.assertEqual((lead.status, lead.lead_owner), ("Open", frappe.session.user))
        self.assertTrue(lead.name.startswith("CRM-LEAD-"))

    def test_a_source_must_exist(self):
        with self.assertRaises(frappe.LinkValidationError):
            new("Lead", lead_name="Asha", source="Nowhere").insert()
