"""The weather of the next hours, and how much ice cream it sells."""

import json
import math
import time
from urllib.parse import urlsplit

import frappe
import requests

from scoopjoy.reading import read_body

PERIODS = 5
PERIOD_S = 3 * 60 * 60
TIMEOUT_S = 10
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
        forecasts = ask(city, url=forecast_url(frappe.conf.get("openweather_base_url")), key=_key())
        frappe.cache.set_value(key, forecasts, expires_in_sec=PERIOD_S - elapsed)
    return {"city": city, "forecasts": forecasts}


def demand_multiplier(temperature):
    """Return how many times the usual is sold at a temperature in degrees Celsius."""
    return next((multiplier for least, multiplier in _MULTIPLIERS if temperature >= least), _COLD)


def forecast_url(base):
    """Return where forecasts are, from a base that may be a host or go further down."""
    base = (base or DEFAULT_BASE_URL).rstrip("/")
    path = urlsplit(base).path
    if path.endswith("/forecast"):
        return base
    return f"{base}/forecast" if path else f"{base}/data/2.5/forecast"


def ask(city, url, key, timeout_s=TIMEOUT_S):
    """Return the forecasts that the weather service gives.

    Raises:
        DoesNotExistError: it knows no such city.
        WeatherUnavailable: it gives none; the reason is in the Error Log too.
    """
    params = {"q": city, "appid": key, "units": "metric", "cnt": PERIODS}
    deadline = time.monotonic() + timeout_s
    try:
        # No redirects: the key is in the query, and goes to nobody else.
        with requests.get(url, params=params, timeout=timeout_s, stream=True, allow_redirects=False) as answer:
            status, body = answer.status_code, read_body(answer, deadline)
        reason = _reason(status)
    except requests.RequestException as error:
        # Its text holds the URL, and so the key: only its kind is told.
        status, body, reason = None, b"", f"The weather service cannot be reached ({type(error).__name__})"
    if status == 404:
        frappe.throw(f"The weather service knows no city {city}", frappe.DoesNotExistError)
    return _fail(city, reason) if reason else _forecasts(city, body)


def _key():
    key = frappe.conf.get("openweather_api_key")
    if not key:
        frappe.throw("Set openweather_api_key in site_config.json to ask for the weather")
    return key


def _reason(status):
    if status == 200:
        return None
    if status == 401:
        return "The weather service refuses our key: see openweather_api_key in site_config.json"
    if status == 429:
        return "The weather service has had too many requests from us: try again later"
    return f"The weather service answered with status {status}"


def _forecasts(city, body):
    try:
        return [_forecast(period) for period in json.loads(body)["list"][:PERIODS]]
    except (ValueError, TypeError, LookupError, RecursionError):
        return _fail(city, "The weather service answered with something that is no forecast")


def _forecast(period):
    temperature = float(period["main"]["temp"])
    if not math.isfinite(temperature):
        raise ValueError(temperature)
    return {
        "datetime": period["dt_txt"],
        "temperature": temperature,
        "weather": period["weather"][0]["main"],
        "demand_multiplier": demand_multiplier(temperature),
    }


def _fail(city, reason):
    frappe.log_error(title="Weather forecast failed", message=f"{city}: {reason}")
    raise WeatherUnavailable(reason)
