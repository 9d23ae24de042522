import frappe
from frappe.model.document import Document
from frappe.utils import flt

from trade.setup.defaults import company_currency, default_company, money
from trade.stock.bins import change_bins
from trade.stock.items import check_items, items_of, set_quantities
from trade.stock.warehouses import check_warehouses

# Which warehouses a row of each purpose has.
TAKES = frozenset({"Material Issue", "Material Transfer"})
GIVES = frozenset({"Material Receipt", "Material Transfer"})


class StockEntry(Document):
    company: str | None
    purpose: str | None
    stock_entry_type: str | None

    def before_validate(self):
        self.company = self.company or default_company()
        # Clients name the purpose, or the type, or both.
        self.stock_entry_type = self.stock_entry_type or self.purpose
        self.purpose = frappe.db.get_value("Stock Entry Type", {"name": self.stock_entry_type}, "purpose")
        for row in self.items:
            row.s_warehouse = (row.s_warehouse or self.from_warehouse) if self.purpose in TAKES else None
            row.t_warehouse = (row.t_warehouse or self.to_warehouse) if self.purpose in GIVES else None
        self._set_rows()

    def validate(self):
        for row in self.items:
            self._check_row(row)
        check_warehouses((name for row in self.items for name in (row.s_warehouse, row.t_warehouse)), self.company)

    def on_submit(self):
        self._move(1)

    def on_cancel(self):
        self._move(-1)

    def _set_rows(self):
        items = items_of(self.items)
        check_items(self.items, items, self.posting_date)
        set_quantities(self.items, items, "transfer_qty")
        precision = money(company_currency(self.company)).precision
        for row in self.items:
            item = items.get(row.item_code)
            if item is None:
                continue
            if not item.is_stock_item:
                frappe.throw(f"Row #{row.idx}: {item.name} is not kept in stock")
            row.item_name, row.item_group, row.image = item.item_name, item.item_group, item.image
            row.description = row.description or item.description
            row.basic_rate = flt(row.basic_rate or item.valuation_rate, precision)
            row.basic_amount = flt(row.basic_rate * row.transfer_qty, precision)
        self._set_values(precision)

    def _set_values(self, precision):
        going = sum(row.basic_amount for row in self.items if row.s_warehouse)
        coming = sum(row.basic_amount for row in self.items if row.t_warehouse)
        self.total_outgoing_value = flt(going, precision)
        self.total_incoming_value = flt(coming, precision)
        self.value_difference = flt(coming - going, precision)
        self.total_amount = flt(sum(row.basic_amount for row in self.items), precision)

    def _check_row(self, row):
        if flt(row.qty) <= 0:
            frappe.throw(f"Row #{row.idx}: The quantity must be more than 0")
        if flt(row.basic_rate) < 0:
            frappe.throw(f"Row #{row.idx}: The rate cannot be negative")
        if self.purpose in TAKES and not row.s_warehouse:
            frappe.throw(f"Row #{row.idx}: {self.purpose} needs a source warehouse", frappe.MandatoryError)
        if self.purpose in GIVES and not row.t_warehouse:
            frappe.throw(f"Row #{row.idx}: {self.purpose} needs a target warehouse", frappe.MandatoryError)
        if row.s_warehouse and row.s_warehouse == row.t_warehouse:
            frappe.throw(f"Row #{row.idx}: Source and target are the same warehouse")

    def _move(self, direction):
        changes = []
        for row in self.items:
            quantity = direction * row.transfer_qty
            if row.s_warehouse:
                changes.append(((row.item_code, row.s_warehouse), -quantity))
            if row.t_warehouse:
                changes.append(((row.item_code, row.t_warehouse), quantity))
        allowed = frappe.db.get_single_value("Stock Settings", "allow_negative_stock")
        change_bins(changes, "actual_qty", allow_negative=bool(allowed))
