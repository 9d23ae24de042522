import frappe
from frappe.model.document import Document

from trade.naming import free_name


class Customer(Document):
    inline_safe = True
    customer_name: str | None
    customer_group: str | None
    territory: str | None

    def autoname(self):
        if frappe.db.get_single_value("Selling Settings", "cust_master_name") != "Naming Series":
            self._tidy_name()
            if not self.customer_name:
                frappe.throw("A customer needs a name", frappe.MandatoryError)
            self.name = free_name("Customer", self.customer_name)

    def before_validate(self):
        self._tidy_name()
        if not self.customer_group:
            self.customer_group = frappe.db.get_single_value("Selling Settings", "customer_group")
        if not self.territory:
            self.territory = frappe.db.get_single_value("Selling Settings", "territory")

    def after_insert(self):
        if self.lead_name:
            frappe.db.set_value("Lead", self.lead_name, "status", "Converted")
        if (self.email_id or self.mobile_no) and not self.customer_primary_contact:
            self._add_primary_contact()

    def _tidy_name(self):
        self.customer_name = " ".join((self.customer_name or "").split()) or None

    def _add_primary_contact(self):
        contact = frappe.get_doc(
            {
                "doctype": "Contact",
                "first_name": self.customer_name,
                "is_primary_contact": 1,
                "email_ids": [{"email_id": self.email_id, "is_primary": 1}] if self.email_id else [],
                "phone_nos": [{"phone": self.mobile_no, "is_primary_mobile_no": 1}] if self.mobile_no else [],
                "links": [{"link_doctype": "Customer", "link_name": self.name}],
            },
        )
        contact.insert(ignore_permissions=True)
        self.db_set("customer_primary_contact", contact.name, update_modified=False)
