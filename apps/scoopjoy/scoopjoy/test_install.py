import frappe
from frappe.tests import IntegrationTestCase

from scoopjoy.catalogue import items
from scoopjoy.company import COMPANY, STORES
from scoopjoy.demo import receive_stock
from scoopjoy.install import after_install
from scoopjoy.webhooks import ITEM_TO_MIDDLEWARE, LEAD_TO_CRM, STOCK_TO_MIDDLEWARE

DOCTYPES = ("Company", "Customer Group", "Item", "Item Group", "Warehouse", "Webhook")


class TestInstall(IntegrationTestCase):
    def test_the_company_and_its_stores_are_there(self):
        self.assertEqual(frappe.db.get_value("Company", COMPANY, ["abbr", "default_currency"]), ("SJF", "INR"))
        self.assertEqual(frappe.db.get_value("Warehouse", STORES, "company"), COMPANY)

    def test_the_catalogue_is_there(self):
        for item in items():
            fields = ["item_group", "standard_rate", "image"]
            found = frappe.db.get_value("Item", item["item_code"], fields, as_dict=True)
            self.assertEqual(found, {field: item[field] for field in fields})
        self.assertEqual(frappe.db.get_value("Item", "IC-CONE-VAN", "standard_rate"), 80)
        self.assertEqual(frappe.db.get_value("Item", "IC-SUN-FUDGE", "standard_rate"), 180)

    def test_leads_go_to_the_crm(self):
        webhook = frappe.get_doc("Webhook", LEAD_TO_CRM)
        self.assertEqual((webhook.webhook_doctype, webhook.webhook_docevent), ("Lead", "after_insert"))
        headers = {row.key: row.value for row in webhook.webhook_headers}
        self.assertEqual(headers["X-Source"], "erpnext-franchise")
        self.assertEqual(webhook.enabled, 1)

    def test_what_the_mobile_app_needs_is_there(self):
        unique = frappe.db.get_value("Custom Field", "Sales Order-custom_mobile_order", "unique")
        self.assertEqual(unique, 1)
        self.assertTrue(frappe.get_meta("Sales Order").has_field("custom_outlet_id"))
        self.assertTrue(frappe.get_meta("Item").has_field("show_in_website"))
        for name, doctype in ((STOCK_TO_MIDDLEWARE, "Bin"), (ITEM_TO_MIDDLEWARE, "Item")):
            webhook = frappe.get_doc("Webhook", name)
            self.assertEqual((webhook.webhook_doctype, webhook.webhook_docevent), (doctype, "on_update"))

    def test_installing_again_changes_nothing(self):
        webhook = frappe.get_doc("Webhook", LEAD_TO_CRM)
        webhook.enabled = 0
        webhook.save()
        before = {doctype: frappe.db.count(doctype) for doctype in DOCTYPES}
        after_install()
        self.assertEqual({doctype: frappe.db.count(doctype) for doctype in DOCTYPES}, before)
        self.assertEqual(frappe.db.get_value("Webhook", LEAD_TO_CRM, "enabled"), 0)

    def test_stock_is_received_for_every_item(self):
        receive_stock(7)
        key = {"item_code": "IC-CONE-VAN", "warehouse": STORES}
        self.assertEqual(frappe.db.get_value("Bin", key, "actual_qty"), 7)
        self.assertEqual(frappe.db.count("Bin", {"warehouse": STORES, "actual_qty": 7}), len(list(items())))
