import random
from unittest import TestCase

from trade.selling.totals import Discount, DiscountTooLarge, Line, Tax, compute

GST = Tax(charge_type="On Net Total", rate=18)


def lines(*pairs):
    return [Line(quantity=quantity, rate=rate) for quantity, rate in pairs]


class TestTotals(TestCase):
    def test_amounts_are_rounded_one_by_one(self):
        totals = compute(lines((3, 0.333), (1, 0.126)), [])
        self.assertEqual(totals.amounts, (1.0, 0.13))
        self.assertEqual((totals.total, totals.grand_total, totals.quantity), (1.13, 1.13, 4))

    def test_a_currency_without_fractions_keeps_none(self):
        self.assertEqual(compute(lines((3, 33.5)), [GST], precision=0).grand_total, 118)

    def test_each_type_of_tax(self):
        taxes = [
            GST,
            Tax(charge_type="On Previous Row Amount", rate=10, on_row=0),
            Tax(charge_type="On Previous Row Total", rate=1, on_row=1),
            Tax(charge_type="On Item Quantity", rate=5),
            Tax(charge_type="Actual", amount=40),
        ]
        totals = compute(lines((2, 500)), taxes)
        self.assertEqual([row.amount for row in totals.taxes], [180, 18, 11.98, 10, 40])
        self.assertEqual(totals.taxes[-1].total, totals.grand_total)
        self.assertEqual(totals.grand_total, 1259.98)

    def test_a_discount_on_the_net_total_comes_before_taxes(self):
        totals = compute(lines((1, 900), (1, 100)), [GST], discount=Discount(percentage=10, on_net_total=True))
        self.assertEqual(totals.net_amounts, (810, 90))
        self.assertEqual((totals.discount_amount, totals.net_total, totals.grand_total), (100, 900, 1062))

    def test_a_discount_on_the_grand_total_lowers_exactly_that(self):
        charge = Tax(charge_type="Actual", amount=40)
        totals = compute(lines((1, 900), (1, 100)), [GST, charge], discount=Discount(amount=118))
        self.assertEqual(totals.grand_total, 1102)
        self.assertEqual(totals.net_total, 900)

    def test_no_discount_is_more_than_what_it_is_taken_from(self):
        charge = Tax(charge_type="Actual", amount=40)
        for discount in (Discount(amount=141), Discount(percentage=101), Discount(amount=101, on_net_total=True)):
            with self.assertRaises(DiscountTooLarge):
                compute(lines((1, 100)), [charge], discount=discount)
        with self.assertRaises(DiscountTooLarge):
            compute(lines((1, 100)), [charge], discount=Discount(amount=120))

    def test_an_order_of_gifts_costs_nothing(self):
        totals = compute(lines((2, 0)), [GST])
        self.assertEqual((totals.total, totals.total_taxes, totals.grand_total), (0, 0, 0))

    def test_the_parts_always_sum_up(self):
        numbers = random.Random(7)  # noqa: S311 - the same numbers each time are wanted
        for _ in range(500):
            some = lines(
                *((numbers.randint(1, 20), numbers.randint(0, 99999) / 100) for _ in range(numbers.randint(1, 6)))
            )
            taxes = [GST, Tax(charge_type="Actual", amount=numbers.randint(0, 9999) / 100)][: numbers.randint(0, 2)]
            discount = Discount(percentage=numbers.randint(0, 90), on_net_total=numbers.random() < 0.5)
            without = compute(some, taxes)
            try:
                totals = compute(some, taxes, discount=discount)
            except DiscountTooLarge:
                continue
            self.assertAlmostEqual(sum(totals.net_amounts), totals.net_total, places=6)
            self.assertAlmostEqual(totals.net_total + totals.total_taxes, totals.grand_total, places=6)
            self.assertTrue(all(amount >= 0 for amount in totals.net_amounts))
            if not discount.on_net_total:
                self.assertAlmostEqual(without.grand_total - totals.discount_amount, totals.grand_total, places=6)
