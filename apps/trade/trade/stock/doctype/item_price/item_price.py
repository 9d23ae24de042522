import frappe
from frappe.model.document import Document


class ItemPriceDuplicateItem(frappe.ValidationError):
    """There is a price for the same item, list, unit, customer and day already."""


class ItemPrice(Document):
    inline_safe = True
    uom: str | None

    def before_validate(self):
        fields = ["currency", "buying", "selling"]
        price_list = frappe.db.get_value("Price List", {"name": self.price_list}, fields, as_dict=True)
        if price_list:
            self.update(price_list)
        fields = ["item_name", "description", "stock_uom"]
        item = frappe.db.get_value("Item", {"name": self.item_code}, fields, as_dict=True)
        if item:
            self.item_name = item.item_name
            self.item_description = item.description
            self.uom = self.uom or item.stock_uom

    def validate(self):
        if self.get("price_list_rate", 0) < 0:
            frappe.throw("A price cannot be negative")
        if self.valid_from and self.valid_upto and self.valid_upto < self.valid_from:
            frappe.throw("Valid Upto lies before Valid From")
        self._check_duplicate()

    def _check_duplicate(self):
        fields = ("item_code", "price_list", "uom", "customer", "valid_from")
        filters = {field: self.get(field) or ["is", "not set"] for field in fields}
        other = frappe.db.get_value("Item Price", {**filters, "name": ["!=", self.name]}, "name")
        if other:
            message = f"{self.item_code} has a price in {self.price_list} from this day on already: {other}"
            frappe.throw(message, ItemPriceDuplicateItem)
