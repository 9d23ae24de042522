"""A weather service for the tour: five periods of a hot day in Mumbai, in OpenWeather's form."""

from urllib.parse import parse_qs, urlsplit

from demitasse.cli.demo_server import LoopbackServer, QuietHandler

KEY = "demo-weather-key"
_DAY = ((9, 27.5), (12, 33.0), (15, 36.5), (18, 31.0), (21, 19.0))


class _Handler(QuietHandler):
    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        asked = parse_qs(urlsplit(self.path).query)
        if asked.get("appid") != [KEY]:
            self.answer(401, {"cod": 401, "message": "Invalid API key"})
            return
        periods = [
            {
                "dt_txt": f"2026-05-01 {hour:02}:00:00",
                "main": {"temp": degrees},
                "weather": [{"main": "Clear", "description": "clear sky"}],
            }
            for hour, degrees in _DAY
        ]
        city = {"name": asked.get("q", ["Mumbai"])[0]}
        self.answer(200, {"cod": "200", "cnt": len(periods), "list": periods, "city": city})


class WeatherService(LoopbackServer):
    """Answers ``/data/2.5/forecast`` for who has the key."""

    def __init__(self) -> None:
        super().__init__(_Handler)
