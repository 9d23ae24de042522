"""A weather service for the tour: five periods of a hot day in Mumbai, in OpenWeather's form."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from demitasse.kernel import json

KEY = "demo-weather-key"
_DAY = ((9, 27.5), (12, 33.0), (15, 36.5), (18, 31.0), (21, 19.0))


class WeatherService:
    """Answers ``/data/2.5/forecast`` on a free loopback port, for who has the key."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                if asked.get("appid") != [KEY]:
                    self._answer(401, {"cod": 401, "message": "Invalid API key"})
                    return
                periods = [
                    {
                        "dt_txt": f"2026-05-01 {hour:02}:00:00",
                        "main": {"temp": degrees},
                        "weather": [{"main": "Clear", "description": "clear sky"}],
                    }
                    for hour, degrees in _DAY
                ]
                city = asked.get("q", ["Mumbai"])[0]
                self._answer(200, {"cod": "200", "cnt": len(periods), "list": periods, "city": {"name": city}})

            def _answer(self, status: int, content: dict[str, Any]) -> None:
                body = json.encode(content)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the tour tells."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
