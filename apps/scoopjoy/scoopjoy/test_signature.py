import hashlib
import hmac
from unittest import TestCase

from scoopjoy.signature import matches

BODY = '{"note": "₹ 80 🍦"}'.encode()
GOOD = hmac.new(b"secret", BODY, hashlib.sha256).hexdigest()


class TestSignature(TestCase):
    def test_the_right_signature_matches(self):
        self.assertTrue(matches(GOOD, BODY, "secret"))

    def test_anything_else_does_not(self):
        for given in (
            "",
            GOOD[:-1],
            GOOD + "0",
            GOOD[::-1],
            GOOD.replace(GOOD[0], "é"),
            "0" * 100_000,
            f"sha256={GOOD}",
        ):
            with self.subTest(given=given[:70]):
                self.assertFalse(matches(given, BODY, "secret"))
        self.assertFalse(matches(GOOD, BODY + b" ", "secret"))
        self.assertFalse(matches(GOOD, BODY, "Secret"))
