import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import frappe
from frappe.tests import IntegrationTestCase

from scoopjoy.api.weather import WeatherUnavailable, ask, demand_multiplier, forecast_url

KEY = "a-secret-key"
NAN = b'{"list": [{"dt_txt": "", "main": {"temp": NaN}, "weather": [{"main": ""}]}]}'


def periods(*temperatures):
    return [
        {"dt_txt": f"2026-05-01 {3 * i:02}:00:00", "main": {"temp": temperature}, "weather": [{"main": "Clear"}]}
        for i, temperature in enumerate(temperatures)
    ]


class TestDemand(IntegrationTestCase):
    def test_heat_sells_ice_cream(self):
        expected = {45: 2.0, 40: 2.0, 39.9: 1.5, 35: 1.5, 34.9: 1.2, 28: 1.2, 27.9: 1.0, 20: 1.0, 19.9: 0.7, -5: 0.7}
        self.assertEqual({temperature: demand_multiplier(temperature) for temperature in expected}, expected)

    def test_the_base_url_may_be_a_host_or_go_further_down(self):
        base = "http://127.0.0.1:9"
        for given in (base, f"{base}/", f"{base}/data/2.5", f"{base}/data/2.5/forecast"):
            self.assertEqual(forecast_url(given), f"{base}/data/2.5/forecast")
        self.assertEqual(forecast_url(None), "https://api.openweathermap.org/data/2.5/forecast")


class TestAsk(IntegrationTestCase):
    def setUp(self):
        super().setUp()
        self.server = WeatherServer()
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.release.set)
        self.url = f"http://127.0.0.1:{self.server.server_port}/data/2.5/forecast"

    def ask(self, **more):
        return ask("Mumbai", url=self.url, key=KEY, **more)

    def test_the_forecast_is_read(self):
        self.server.body = json.dumps({"list": periods(41, 30.5, 12, 20, 36, 50)}).encode()
        forecasts = self.ask()
        self.assertEqual([forecast["demand_multiplier"] for forecast in forecasts], [2.0, 1.2, 0.7, 1.0, 1.5])
        first = {"datetime": "2026-05-01 00:00:00", "temperature": 41, "weather": "Clear", "demand_multiplier": 2.0}
        self.assertEqual(forecasts[0], first)
        self.assertEqual(self.server.paths, [f"/data/2.5/forecast?q=Mumbai&appid={KEY}&units=metric&cnt=5"])

    def test_refusals_are_told_without_the_key(self):
        for status, words in ((401, "openweather_api_key"), (429, "later"), (500, "500"), (302, "302")):
            self.server.status = status
            with self.subTest(status=status), self.assertRaisesRegex(WeatherUnavailable, words) as caught:
                self.ask()
            self.assertNotIn(KEY, str(caught.exception))

    def test_a_city_that_is_not_known_is_told(self):
        self.server.status = 404
        with self.assertRaisesRegex(frappe.DoesNotExistError, "Mumbai"):
            self.ask()

    def test_what_is_no_forecast_is_refused(self):
        for body in (
            b"",
            b"<html>",
            b"[]",
            b'{"list": 7}',
            b'{"list": [{}]}',
            b"\xff",
            b"[" * 50_000,
            b" " * 100_000,
            NAN,
        ):
            self.server.body = body
            with self.subTest(body=body[:9]), self.assertRaises(WeatherUnavailable):
                self.ask()

    def test_a_service_that_does_not_answer_is_left(self):
        self.server.status = None
        with self.assertRaisesRegex(WeatherUnavailable, "Timeout"):
            self.ask(timeout_s=0.2)

    def test_a_service_that_is_not_there_is_told(self):
        with self.assertRaisesRegex(WeatherUnavailable, "ConnectionError") as caught:
            ask("Mumbai", url="http://127.0.0.1:1/forecast", key=KEY)
        self.assertNotIn(KEY, str(caught.exception))


class WeatherServer(ThreadingHTTPServer):
    """A weather service that answers as it is told; without a status, not before it is released."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), WeatherService)
        self.status: int | None = 200
        self.body = b"{}"
        self.paths: list[str] = []
        self.release = threading.Event()


class WeatherService(BaseHTTPRequestHandler):
    server: WeatherServer

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.server.status is None:
            self.server.release.wait(10)
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *args):
        pass
