import frappe

from trade.tree import TreeDocument


class Warehouse(TreeDocument):
    nsm_parent_field = "parent_warehouse"

    def autoname(self):
        self.name = self._with_abbreviation(self.warehouse_name or "")

    def validate(self):
        super().validate()
        if self.is_group and frappe.db.exists("Bin", {"warehouse": self.name, "actual_qty": ["!=", 0]}):
            frappe.throw(f"Warehouse {self.name} holds goods, so it cannot be a group")

    def default_parent(self):
        """Return the company's group of all warehouses."""
        root = self._with_abbreviation("All Warehouses")
        return root if root != self.name and frappe.db.exists("Warehouse", root) else None

    def on_trash(self):
        super().on_trash()
        remove_empty_bins({"warehouse": self.name})

    def _with_abbreviation(self, name):
        abbr = frappe.db.get_value("Company", self.company, "abbr") if self.company else None
        return name if not abbr or name.endswith(f" - {abbr}") else f"{name} - {abbr}"


def remove_empty_bins(filters):
    """Remove the bins that hold nothing and promise nothing."""
    for name in frappe.get_all("Bin", filters={**filters, "actual_qty": 0, "reserved_qty": 0}, pluck="name"):
        frappe.delete_doc("Bin", name, ignore_permissions=True)
