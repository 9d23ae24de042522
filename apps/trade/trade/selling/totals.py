"""The arithmetic of an order: from quantities, rates, taxes and a discount to its totals. No documents, no database."""

from dataclasses import dataclass

from frappe.utils import flt

ACTUAL = "Actual"
ON_NET_TOTAL = "On Net Total"
ON_PREVIOUS_AMOUNT = "On Previous Row Amount"
ON_PREVIOUS_TOTAL = "On Previous Row Total"
ON_QUANTITY = "On Item Quantity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    quantity: float
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """One row of taxes.

    Args:
        rate: Percent, or the amount for one piece with ``On Item Quantity``.
        amount: What ``Actual`` adds.
        on_row: Index of the row that ``On Previous Row ...`` is taken on.
    """

    charge_type: str
    rate: float = 0.0
    amount: float = 0.0
    on_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A discount on the whole order; the percentage counts where it is given."""

    percentage: float = 0.0
    amount: float = 0.0
    on_net_total: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxAmount:
    amount: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What comes out; ``grand_total`` is always ``net_total`` and the taxes, to the last digit that is kept."""

    amounts: tuple[float, ...]
    net_amounts: tuple[float, ...]
    quantity: float
    total: float
    net_total: float
    taxes: tuple[TaxAmount, ...]
    total_taxes: float
    discount_amount: float
    grand_total: float


class DiscountTooLarge(ValueError):
    """The discount is more than what it is taken from."""


def compute(lines, taxes, *, discount=Discount(), precision=2):
    """Return the totals of an order.

    Raises:
        DiscountTooLarge: the discount is more than what it is taken from.
    """
    amounts = tuple(flt(line.quantity * line.rate, precision) for line in lines)
    total = flt(sum(amounts), precision)
    quantity = sum(line.quantity for line in lines)
    rows = _taxes(total, quantity, taxes, precision)
    taken = _discount(discount, total=total, grand_total=_grand_total(total, rows), precision=precision)
    net_amounts = amounts
    if taken:
        wanted = flt(_grand_total(total, rows) - taken, precision)
        net_total = flt(total - _share_of_goods(taken, discount, total, quantity, taxes), precision)
        net_amounts = _spread(amounts, total, net_total, precision)
        rows = _taxes(net_total, quantity, taxes, precision)
        if not discount.on_net_total:
            rows = _absorb(rows, taxes, flt(wanted - _grand_total(net_total, rows), precision), precision)
    net_total = flt(sum(net_amounts), precision)
    total_taxes = flt(sum(row.amount for row in rows), precision)
    return Totals(
        amounts=amounts,
        net_amounts=net_amounts,
        quantity=flt(quantity, 9),
        total=total,
        net_total=net_total,
        taxes=rows,
        total_taxes=total_taxes,
        discount_amount=taken,
        grand_total=flt(net_total + total_taxes, precision),
    )


def _taxes(net_total, quantity, taxes, precision):
    rows: list[TaxAmount] = []
    running = net_total
    for tax in taxes:
        amount = flt(_tax(tax, net_total, quantity, rows), precision)
        running = flt(running + amount, precision)
        rows.append(TaxAmount(amount=amount, total=running))
    return tuple(rows)


def _tax(tax, net_total, quantity, rows):
    if tax.charge_type == ACTUAL:
        return tax.amount
    if tax.charge_type == ON_QUANTITY:
        return tax.rate * quantity
    base = net_total
    if tax.charge_type == ON_PREVIOUS_AMOUNT:
        base = rows[tax.on_row].amount
    elif tax.charge_type == ON_PREVIOUS_TOTAL:
        base = rows[tax.on_row].total
    return base * tax.rate / 100


def _grand_total(net_total, rows):
    return rows[-1].total if rows else net_total


def _discount(discount, *, total, grand_total, precision):
    base = total if discount.on_net_total else grand_total
    taken = flt(base * discount.percentage / 100 if discount.percentage else discount.amount, precision)
    if taken > base:
        message = f"The discount {taken} is more than the {base} it is taken from"
        raise DiscountTooLarge(message)
    return taken


def _share_of_goods(taken, discount, total, quantity, taxes):
    """Return what of a discount the goods bear; the rest follows in the taxes that are taken on them."""
    if discount.on_net_total or not total:
        return taken
    # The grand total is a straight line over the net total: it falls `slope` for each unit that the goods fall.
    slope = (
        _grand_total(total, _taxes(total, quantity, taxes, 9)) - _grand_total(0, _taxes(0, quantity, taxes, 9))
    ) / total
    share = taken / slope if slope > 0 else taken
    if share > total:
        message = f"The discount {taken} is more than the goods are worth"
        raise DiscountTooLarge(message)
    return share


def _spread(amounts, total, net_total, precision):
    """Return the amounts made smaller in proportion; the largest takes what rounding leaves over."""
    if not total:
        return amounts
    shares = [flt(amount * net_total / total, precision) for amount in amounts]
    largest = max(range(len(shares)), key=lambda index: shares[index])
    shares[largest] = flt(shares[largest] + net_total - sum(shares), precision)
    return tuple(shares)


def _absorb(rows, taxes, difference, precision):
    """Return the taxes with a rounding difference in the last one that has a rate."""
    index = max((i for i, tax in enumerate(taxes) if tax.charge_type != ACTUAL), default=None)
    if not difference or index is None:
        return rows
    changed = list(rows)
    changed[index] = TaxAmount(amount=flt(rows[index].amount + difference, precision), total=rows[index].total)
    for later in range(index, len(changed)):
        row = changed[later]
        changed[later] = TaxAmount(amount=row.amount, total=flt(row.total + difference, precision))
    return tuple(changed)
