import time
from contextlib import nullcontext
from types import SimpleNamespace

import frappe
import requests
from frappe.tests import IntegrationTestCase

from scoopjoy.api.calendar import CalendarNotConnected, CalendarUnavailable, ask, events_url, get_franchise_team_events
from scoopjoy.google import GOOGLE, add_google


class Session:
    """A session whose service answers as it is told."""

    def __init__(self, status=200, body=b"", error=None):
        self.status, self.body, self.error = status, body, error
        self.asked = []

    def get(self, url, **options):
        self.asked.append((url, options))
        if self.error:
            raise self.error
        answer = SimpleNamespace(
            status_code=self.status, iter_content=lambda size: (bytes([byte]) for byte in self.body)
        )
        return nullcontext(answer)


class TestCalendar(IntegrationTestCase):
    def test_the_base_url_may_be_a_host_or_go_further_down(self):
        base = "http://127.0.0.1:9"
        path = "/calendar/v3/calendars/primary/events"
        for given in (base, f"{base}/", f"{base}/calendar/v3", f"{base}{path}"):
            self.assertEqual(events_url(given), f"{base}{path}")
        self.assertEqual(events_url(None), f"https://www.googleapis.com{path}")

    def test_events_have_four_facts(self):
        body = b'{"items": [{"summary": null, "start": {"date": "2026-05-02"}, "end": {"date": "2026-05-03"}}]}'
        session = Session(body=body)
        event = {"summary": "No Title", "start": "2026-05-02", "end": "2026-05-03", "location": ""}
        self.assertEqual(ask(session, "http://x/events", "asha"), [event])
        [(_, options)] = session.asked
        self.assertFalse(options["allow_redirects"])
        self.assertEqual(options["params"]["maxResults"], 10)

    def test_faults_are_told(self):
        for status, words in ((403, "Calendar API"), (429, "later"), (500, "500"), (200, "no list")):
            with self.subTest(status=status), self.assertRaisesRegex(CalendarUnavailable, words):
                ask(Session(status=status, body=b"?"), "http://x/events", "asha")
        with self.assertRaisesRegex(CalendarNotConnected, "connect again"):
            ask(Session(status=401), "http://x/events", "asha")
        with self.assertRaisesRegex(CalendarUnavailable, "ConnectionError"):
            ask(Session(error=requests.ConnectionError("http://secret")), "http://x/events", "asha")

    def test_an_answer_that_drips_is_left(self):
        class Dripping(bytes):
            def __iter__(self):
                while True:
                    yield 32

        began = time.monotonic()
        with self.assertRaisesRegex(CalendarUnavailable, "Timeout"):
            ask(Session(body=Dripping()), "http://x/events", "asha", timeout_s=0.05)
        self.assertLess(time.monotonic() - began, 5)


class TestGoogle(IntegrationTestCase):
    def test_without_settings_there_is_no_app_and_that_is_said(self):
        add_google()
        self.assertFalse(frappe.db.exists("Connected App", GOOGLE))
        with self.assertRaisesRegex(frappe.ValidationError, "google_client_id"):
            get_franchise_team_events()
