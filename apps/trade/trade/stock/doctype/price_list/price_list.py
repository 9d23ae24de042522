import frappe
from frappe.model.document import Document


class PriceList(Document):
    inline_safe = True

    def validate(self):
        if not self.buying and not self.selling:
            frappe.throw("A price list is for buying, for selling, or for both")

    def on_update(self):
        if self.get_doc_before_save() and any(map(self.has_value_changed, ("currency", "buying", "selling"))):
            values = {"currency": self.currency, "buying": self.buying, "selling": self.selling}
            frappe.db.set_value("Item Price", {"price_list": self.name}, values)
