"""From the body of a storefront's request to an order, or to the reason why it is none."""

import hashlib
import json
from dataclasses import dataclass

import frappe
from frappe.utils import validate_email_address

MAX_BODY_BYTES = 256 * 1024
MAX_LINES = 200
MAX_QUANTITY = 10_000
MAX_PRICE = 10_000_000


class InvalidOrder(frappe.ValidationError):
    """The storefront's order cannot be taken as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line; without a price, the catalogue's counts."""

    sku: str
    quantity: float
    price: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAddress:
    line1: str
    line2: str | None
    city: str
    state: str
    pincode: str
    country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a customer ordered.

    Args:
        fingerprint: The same for the same order, whatever the order of keys and the white space.
    """

    customer_email: str
    customer_name: str
    lines: tuple[Line, ...]
    address: DeliveryAddress
    order_id: str | None
    fingerprint: str


def parse_order(body):
    """Return the order in a body of JSON.

    Raises:
        InvalidOrder: a field is missing or cannot be used.
    """
    if len(body) > MAX_BODY_BYTES:
        raise InvalidOrder(f"The order has more than {MAX_BODY_BYTES} bytes")
    try:
        sent = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidOrder("The body is not JSON") from error
    if not isinstance(sent, dict):
        raise InvalidOrder("The body must be a JSON object")
    return Order(
        customer_email=_email(sent.get("customer_email")),
        customer_name=_text(sent, "customer_name"),
        lines=_lines(sent.get("items")),
        address=_address(sent.get("delivery_address")),
        order_id=_text(sent, "order_id", required=False),
        fingerprint=hashlib.sha256(json.dumps(sent, sort_keys=True, separators=(",", ":")).encode()).hexdigest(),
    )


def parse_reference(label, value):
    """Return what a header calls the order, ``None`` when it says nothing.

    Raises:
        InvalidOrder: it is too long.
    """
    return _text({label: value}, label, required=False)


def _refuse_constant(name):
    message = f"{name} is not JSON"
    raise ValueError(message)


def _email(value):
    if not isinstance(value, str) or len(value) > 140 or "," in value or not validate_email_address(value.strip()):
        raise InvalidOrder("customer_email must be an e-mail address")
    return value.strip()


def _lines(value):
    if not isinstance(value, list) or not value:
        raise InvalidOrder("items must be a list with at least one line")
    if len(value) > MAX_LINES:
        raise InvalidOrder(f"items has {len(value)} lines; {MAX_LINES} are the most")
    return tuple(_line(line, f"items[{index}]") for index, line in enumerate(value))


def _line(value, place):
    if not isinstance(value, dict):
        raise InvalidOrder(f"{place} must be an object with sku and quantity")
    price = value.get("price")
    return Line(
        sku=_text(value, "sku", place=f"{place}."),
        quantity=_number(value.get("quantity"), f"{place}.quantity", more_than=0, most=MAX_QUANTITY),
        price=None if price is None else _number(price, f"{place}.price", least=0, most=MAX_PRICE),
    )


def _address(value):
    if not isinstance(value, dict):
        raise InvalidOrder("delivery_address must be an object with line1, city, state and pincode")
    place = "delivery_address."
    return DeliveryAddress(
        line1=_text(value, "line1", place=place, longest=240),
        line2=_text(value, "line2", place=place, longest=240, required=False),
        city=_text(value, "city", place=place),
        state=_text(value, "state", place=place),
        pincode=_text(value, "pincode", place=place, longest=20),
        country=_text(value, "country", place=place, required=False),
    )


def _text(sent, key, place="", longest=140, required=True):
    """Return a text without needless spaces; numbers that stand for texts (a pincode, an id) are taken too."""
    value = sent.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise InvalidOrder(f"{place}{key} must be a text")
    value = " ".join((value or "").split())
    if not value and required:
        raise InvalidOrder(f"{place}{key} is missing")
    if len(value) > longest:
        raise InvalidOrder(f"{place}{key} is longer than {longest} characters")
    return value or None


def _number(value, place, most, more_than=None, least=None):
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidOrder(f"{place} must be a number")
    if more_than is not None and value <= more_than:
        raise InvalidOrder(f"{place} must be more than {more_than}")
    if least is not None and value < least:
        raise InvalidOrder(f"{place} must not be less than {least}")
    if value > most:
        raise InvalidOrder(f"{place} must not be more than {most}")
    return float(value)
