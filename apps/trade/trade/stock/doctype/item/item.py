import frappe
from frappe.model.document import Document

from trade.stock.doctype.warehouse.warehouse import remove_empty_bins


class Item(Document):
    inline_safe = True
    item_name: str | None
    description: str | None

    def before_validate(self):
        self.item_name = self.item_name or self.item_code
        self.description = self.description or self.item_name

    def validate(self):
        self._check_units()
        if self.get("standard_rate", 0) < 0:
            frappe.throw("The standard selling rate cannot be negative")
        if not self.is_new() and self.has_value_changed("stock_uom") and self._has_stock():
            frappe.throw(f"{self.name} lies in warehouses, so its stock unit can no longer be changed")

    def on_trash(self):
        remove_empty_bins({"item_code": self.name})

    def _check_units(self):
        seen = set()
        for row in self.uoms:
            if row.uom in seen:
                frappe.throw(f"Row #{row.idx}: The unit {row.uom} stands twice in the item's units")
            seen.add(row.uom)
            if row.uom == self.stock_uom:
                row.conversion_factor = 1
            if row.conversion_factor <= 0:
                frappe.throw(f"Row #{row.idx}: The conversion factor of {row.uom} must be more than 0")

    def _has_stock(self):
        return frappe.db.exists("Bin", {"item_code": self.name, "actual_qty": ["!=", 0]})
