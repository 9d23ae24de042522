"""``frappe.tests``: what an app's tests are made of; run them with pytest (see ``demitasse.testing``)."""

import unittest
from collections.abc import Iterator
from contextlib import contextmanager

from demitasse.auth.credentials import actor_of
from demitasse.frappe.context import current


class UnitTestCase(unittest.TestCase):
    """A test that needs no documents."""


class IntegrationTestCase(unittest.TestCase):
    """A test on a site: it runs as Administrator, and what it wrote is undone after it."""

    @contextmanager
    def set_user(self, user: str) -> Iterator[None]:
        """Act as another user while the block lasts."""
        call = current()
        before = call.actor
        call.actor = actor_of(call.tx, user)
        try:
            yield
        finally:
            call.actor = before


FrappeTestCase = IntegrationTestCase
