import frappe
from frappe.model.document import Document
from frappe.utils import flt, getdate

from trade.selling.order import set_missing_in_rows, set_missing_values, set_rates, set_totals
from trade.setup.defaults import company_currency, default_company, money
from trade.stock.bins import change_bins
from trade.stock.items import check_items, items_of, set_quantities
from trade.stock.warehouses import check_warehouses


class SalesOrder(Document):
    company: str | None

    def before_validate(self):
        self.status = "To Deliver and Bill" if self.docstatus == 1 else "Draft"
        self.company = self.company or default_company()
        books = company_currency(self.company)
        items = items_of(self.items)
        self._check_rows(items)
        set_missing_values(self, books)
        set_missing_in_rows(self, items)
        set_quantities(self.items, items, "stock_qty")
        kept = money(self.currency)
        set_rates(self, items, books, kept)
        set_totals(self, kept, kept if books == self.currency else money(books))
        self._set_reservations(items)

    def validate(self):
        for row in [self, *self.items]:
            if row.delivery_date and getdate(row.delivery_date) < getdate(self.transaction_date):
                frappe.throw("The delivery date lies before the order's date")
        check_warehouses((row.warehouse for row in self.items), self.company)

    def on_submit(self):
        self._reserve(1)

    def before_cancel(self):
        self.status = "Cancelled"

    def on_cancel(self):
        self._reserve(-1)

    def _check_rows(self, items):
        check_items(self.items, items, self.transaction_date)
        for row in self.items:
            item = items.get(row.item_code)
            if flt(row.qty) <= 0:
                frappe.throw(f"Row #{row.idx}: The quantity must be more than 0")
            if flt(row.rate) < 0:
                frappe.throw(f"Row #{row.idx}: The rate cannot be negative")
            if item and not item.is_sales_item:
                frappe.throw(f"Row #{row.idx}: Item {item.name} is not for sale")

    def _set_reservations(self, items):
        """Note what each row reserves, so that exactly this is released, whatever becomes of the item meanwhile."""
        for row in self.items:
            item = items.get(row.item_code)
            reserves = self.docstatus == 1 and item is not None and bool(item.is_stock_item)
            if reserves and not row.warehouse:
                message = f"Row #{row.idx}: {row.item_code} is kept in stock: say from which warehouse it is delivered"
                frappe.throw(message, frappe.MandatoryError)
            row.stock_reserved_qty = row.stock_qty if reserves else 0

    def _reserve(self, direction):
        rows = (row for row in self.items if row.stock_reserved_qty)
        changes = [((row.item_code, row.warehouse), direction * row.stock_reserved_qty) for row in rows]
        change_bins(changes, "reserved_qty")
