import frappe
from frappe.tests import IntegrationTestCase
from hypothesis import given, settings
from hypothesis import strategies as st

from trade.samples import company, customer, item, quantities, sales_order, stock_entry, stores
from trade.stock.bins import NegativeStockError

QUANTITIES = st.integers(1, 30)
STEPS = st.one_of(
    st.tuples(st.sampled_from(("receive", "issue", "move", "order")), QUANTITIES),
    st.tuples(st.sampled_from(("cancel order", "amend order", "cancel entry")), st.integers(0, 9)),
)


class Shop:
    """A shop that takes steps, and the plain numbers that must come out."""

    def __init__(self, owner, cone, buyer):
        self.owner, self.cone, self.buyer = owner, cone, buyer
        self.places = (stores(owner), f"Finished Goods - {owner.abbr}")
        self.actual = dict.fromkeys(self.places, 0)
        self.orders = []
        self.entries = []

    def take(self, step, number):
        if step == "order":
            self.order(number)
        elif step in {"cancel order", "amend order"}:
            self.cancel_order(number, again=step == "amend order")
        elif step == "cancel entry":
            self.cancel_entry(number)
        else:
            self.move(step, number)

    def order(self, quantity):
        rows = [{"item_code": self.cone, "qty": quantity}]
        self.orders.append(sales_order(self.owner, rows, customer=self.buyer).submit())

    def cancel_order(self, number, again):
        if not self.orders:
            return
        order = self.orders.pop(number % len(self.orders))
        order.cancel()
        if again:
            amended = frappe.copy_doc(order)
            amended.amended_from = order.name
            amended.items[0].qty = number + 1
            self.orders.append(amended.insert().submit())

    def move(self, step, quantity):
        first, second = self.places
        purpose, source, target = {
            "receive": ("Material Receipt", None, first),
            "issue": ("Material Issue", first, None),
            "move": ("Material Transfer", first, second),
        }[step]
        rows = [{"item_code": self.cone, "qty": quantity, "s_warehouse": source, "t_warehouse": target}]
        entry = stock_entry(purpose, self.owner, rows)
        changes = {place: change for place, change in ((source, -quantity), (target, quantity)) if place}
        if self.apply(changes, entry.submit):
            self.entries.append((entry, changes))

    def cancel_entry(self, number):
        if not self.entries:
            return
        entry, changes = self.entries[number % len(self.entries)]
        if self.apply({place: -change for place, change in changes.items()}, entry.cancel):
            self.entries.remove((entry, changes))
        else:
            entry.reload()

    def apply(self, changes, work):
        """Do it, if the stock suffices; else see that it is refused."""
        if any(self.actual[place] + change < 0 for place, change in changes.items()):
            try:
                work()
            except NegativeStockError:
                return False
            raise AssertionError(changes)
        work()
        for place, change in changes.items():
            self.actual[place] += change
        return True


class TestStockFlow(IntegrationTestCase):
    @settings(max_examples=25, deadline=None)
    @given(steps=st.lists(STEPS, max_size=12))
    def test_stock_and_reservations_hold_for_any_sequence(self, steps):
        shop = Shop(company(), item(standard_rate=12.5).name, customer().name)
        for step, number in steps:
            shop.take(step, number)
        reserved = sum(order.total_qty for order in shop.orders)
        for place in shop.places:
            promised = reserved if place == stores(shop.owner) else 0
            expected = (shop.actual[place], promised, shop.actual[place] - promised)
            self.assertEqual(quantities(shop.cone, place), expected)
        for order in shop.orders:
            self.assertEqual(order.grand_total, 12.5 * order.total_qty)
