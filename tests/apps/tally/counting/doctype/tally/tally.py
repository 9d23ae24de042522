"""A controller that offers some of its methods over REST."""

import frappe
from frappe.model.document import Document


class Tally(Document):
    def validate(self):
        if self.count < 0:
            frappe.msgprint("Look at the count")
            frappe.throw("A tally is never negative")

    @frappe.whitelist(methods=["POST"])
    def add(self, by: int):
        self.count += by
        self.save()
        return self.count

    @frappe.whitelist()
    def doubled(self):
        return 2 * self.count

    @frappe.whitelist()
    def count_while_reading(self):
        self.count += 1
        self.save()

    def secret(self):
        return "not for clients"

    def before_rename(self, old, new, merge=False):
        return new.title()

    def after_rename(self, old, new, merge=False):
        frappe.db.set_value("Tally", new, "former", old)


@frappe.whitelist()
def total():
    return sum(frappe.get_all("Tally", pluck="count"))
