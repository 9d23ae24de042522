import frappe
from frappe.model.document import Document
from frappe.utils import flt

from trade.stock.items import QUANTITY_DIGITS


class Bin(Document):
    inline_safe = True

    def before_insert(self):
        key = {"item_code": self.item_code, "warehouse": self.warehouse}
        if frappe.db.exists("Bin", key):
            frappe.throw(f"{self.item_code} has a Bin in {self.warehouse} already", frappe.DuplicateEntryError)
        self.stock_uom = frappe.db.get_value("Item", {"name": self.item_code}, "stock_uom")
        self.company = frappe.db.get_value("Warehouse", {"name": self.warehouse}, "company")

    def validate(self):
        for field in ("actual_qty", "ordered_qty", "reserved_qty"):
            self.set(field, flt(self.get(field), QUANTITY_DIGITS))
        self.projected_qty = flt(self.actual_qty + self.ordered_qty - self.reserved_qty, QUANTITY_DIGITS)
