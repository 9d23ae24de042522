"""The weather of the next hours, and how much ice cream it sells."""

import time
from urllib.parse import urlsplit

import frappe
import requests

PERIODS = 5
PERIOD_S = 3 * 60 * 60
TIMEOUT_S = 10
MAX_ANSWER_BYTES = 1024 * 1024
DEFAULT_BASE_URL = "https://api.openweathermap.org"

# From this temperature in degrees Celsius on, demand is this many times the usual.
_MULTIPLIERS = ((40, 2.0), (35, 1.5), (28, 1.2), (20, 1.0))
_COLD = 0.7


class WeatherUnavailable(frappe.ValidationError):
    """The weather service gave no forecast."""

    http_status_code = 502


@frappe.whitelist()
def fetch_weather_forecast(city="Mumbai"):
    """Return the forecast of a city: ``{city, forecasts: [{datetime, temperature, weather, demand_multiplier}]}``."""
    city = " ".join(str(city).split())
    if not city or len(city) > 100:
        frappe.throw("Name a city, in at most 100 characters")
    # A forecast is for periods of three hours that begin at the same times everywhere, so it is kept to the end of one.
    period, elapsed = divmod(int(time.time()), PERIOD_S)
    key = f"scoopjoy-weather:{city.casefold()}:{period}"
    forecasts = frappe.cache.get_value(key)
    if forecasts is None:
        forecasts = _forecasts(_ask(city))
        frappe.cache.set_value(key, forecasts, expires_in_sec=PERIOD_S - elapsed)
    return {"city": city, "forecasts": forecasts}


def demand_multiplier(temperature):
    """Return how many times the usual is sold at a temperature in degrees Celsius."""
    return next((multiplier for least, multiplier in _MULTIPLIERS if temperature >= least), _COLD)


def _ask(city):
    key = frappe.conf.get("openweather_api_key")
    if not key:
        frappe.throw("Set openweather_api_key in site_config.json to ask for the weather")
    params = {"q": city, "appid": key, "units": "metric", "cnt": PERIODS}
    deadline = time.monotonic() + TIMEOUT_S
    try:
        # No redirects: the key is in the query, and goes to nobody else.
        with requests.get(_url(), params=params, timeout=TIMEOUT_S, stream=True, allow_redirects=False) as answer:
            _check_status(answer.status_code, city)
            return _parsed(_read(answer, deadline))
    except requests.RequestException as error:
        # Its text holds the URL, and so the key: only its kind is told.
        _fail(f"The weather service cannot be reached ({type(error).__name__})", city)


def _url():
    base = (frappe.conf.get("openweather_base_url") or DEFAULT_BASE_URL).rstrip("/")
    path = urlsplit(base).path
    if path.endswith("/forecast"):
        return base
    return f"{base}/forecast" if path else f"{base}/data/2.5/forecast"


def _check_status(status, city):
    if status == 200:
        return
    if status == 401:
        _fail("The weather service refuses our key: see openweather_api_key in site_config.json", city)
    if status == 404:
        frappe.throw(f"The weather service knows no city {city}", frappe.DoesNotExistError)
    if status == 429:
        _fail("The weather service has had too many requests from us: try again later", city)
    _fail(f"The weather service answered with status {status}", city)


def _read(answer, deadline):
    body = bytearray()
    for chunk in answer.iter_content(16 * 1024):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
            message = "too long, or too slow"
            raise requests.exceptions.ContentDecodingError(message)
    return bytes(body)
