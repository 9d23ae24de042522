import frappe
from frappe.model.document import Document


class Specimen(Document):
    def validate(self):
        if self.small == "refuse":
            frappe.throw("A specimen is not <b>refuse</b>")
        if self.small == "crash":
            raise RuntimeError("a fault of the app")
        if self.small == "speak":
            frappe.msgprint("The specimen has spoken")

    @frappe.whitelist()
    def press_it(self):
        self.db_set("last", f"pressed with {self.email}")
        frappe.msgprint("It has been pressed")

    def not_for_buttons(self):
        self.db_set("last", "by force")
