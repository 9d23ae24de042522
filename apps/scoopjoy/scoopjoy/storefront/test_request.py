import json
from typing import Any
from unittest import TestCase

from scoopjoy.storefront.request import MAX_BODY_BYTES, InvalidOrder, parse_order, parse_reference

ORDER: dict[str, Any] = {
    "customer_email": "priya@example.com",
    "customer_name": "Priya Sharma",
    "items": [{"sku": "IC-CONE-VAN", "quantity": 2}],
    "delivery_address": {"line1": "12 MG Road", "city": "Pune", "state": "Maharashtra", "pincode": "411001"},
}


def parsed(**changes):
    return parse_order(json.dumps({**ORDER, **changes}).encode())


class TestParseOrder(TestCase):
    def test_an_order_is_read(self):
        order = parsed(customer_name="  Priya   Sharma ", order_id=17)
        self.assertEqual((order.customer_name, order.order_id), ("Priya Sharma", "17"))
        self.assertEqual([(line.sku, line.quantity, line.price) for line in order.lines], [("IC-CONE-VAN", 2, None)])
        self.assertEqual((order.address.pincode, order.address.line2, order.address.country), ("411001", None, None))

    def test_a_pincode_may_be_a_number(self):
        self.assertEqual(
            parsed(delivery_address={**ORDER["delivery_address"], "pincode": 411001}).address.pincode, "411001"
        )

    def test_the_same_order_has_the_same_fingerprint_however_it_is_written(self):
        pretty = json.dumps(dict(reversed(ORDER.items())), indent=2).encode()
        self.assertEqual(parse_order(pretty).fingerprint, parsed().fingerprint)
        self.assertNotEqual(parsed(customer_name="Asha").fingerprint, parsed().fingerprint)

    def test_missing_fields_are_named(self):
        for field in ORDER:
            with self.subTest(field=field), self.assertRaisesRegex(InvalidOrder, field):
                parsed(**{field: None})
        for field in ORDER["delivery_address"]:
            address = {key: value for key, value in ORDER["delivery_address"].items() if key != field}
            with self.subTest(field=field), self.assertRaisesRegex(InvalidOrder, f"delivery_address.{field}"):
                parsed(delivery_address=address)

    def test_bad_lines_are_refused(self):
        bad = (
            {"quantity": 1},
            {"sku": "", "quantity": 1},
            {"sku": ["IC-CONE-VAN"], "quantity": 1},
            {"sku": "IC-CONE-VAN"},
            {"sku": "IC-CONE-VAN", "quantity": 0},
            {"sku": "IC-CONE-VAN", "quantity": -1},
            {"sku": "IC-CONE-VAN", "quantity": "2"},
            {"sku": "IC-CONE-VAN", "quantity": True},
            {"sku": "IC-CONE-VAN", "quantity": 1e300},
            {"sku": "IC-CONE-VAN", "quantity": 10**400},
            {"sku": "IC-CONE-VAN", "quantity": 1, "price": -0.01},
            {"sku": "IC-CONE-VAN", "quantity": 1, "price": 1e12},
            {"sku": "IC-CONE-VAN", "quantity": 1, "price": "80"},
            "IC-CONE-VAN",
        )
        for line in bad:
            with self.subTest(line=line), self.assertRaisesRegex(InvalidOrder, r"items\[1\]"):
                parsed(items=[*ORDER["items"], line])

    def test_absurd_sizes_are_refused(self):
        for changes in (
            {"items": ORDER["items"] * 201},
            {"customer_name": "a" * 141},
            {"customer_email": "a" * 140 + "@example.com"},
            {"order_id": "a" * 141},
            {"note": "a" * MAX_BODY_BYTES},
        ):
            with self.subTest(changes=next(iter(changes))), self.assertRaises(InvalidOrder):
                parsed(**changes)

    def test_what_is_no_address_is_refused(self):
        for email in ("priya", "a@example.com, b@example.com", "@example.com", 7):
            with self.subTest(email=email), self.assertRaises(InvalidOrder):
                parsed(customer_email=email)

    def test_what_is_no_json_object_is_refused(self):
        for body in (b"", b"{", b"[]", b"null", b"\xff", b'{"a": NaN}', b"[" * 100_000):
            with self.subTest(body=body[:9]), self.assertRaises(InvalidOrder):
                parse_order(body)

    def test_a_reference_may_be_missing_but_not_endless(self):
        self.assertIsNone(parse_reference("Idempotency-Key", None))
        self.assertEqual(parse_reference("Idempotency-Key", " k-1 "), "k-1")
        with self.assertRaisesRegex(InvalidOrder, "Idempotency-Key"):
            parse_reference("Idempotency-Key", "k" * 141)
