"""Countries (ISO 3166-1, names as in CLDR) and their currencies (ISO 4217)."""

import json
from pathlib import Path

ENABLED = frozenset({"AED", "AUD", "CAD", "CHF", "CNY", "EUR", "GBP", "INR", "JPY", "SGD", "USD"})


def countries():
    for code, name, _currency in _read("countries.json"):
        yield {"country_name": name, "code": code}


def currencies():
    for code, fraction, units, smallest, symbol, number_format in _read("currencies.json"):
        yield {
            "currency_name": code,
            "enabled": int(code in ENABLED),
            "fraction": fraction,
            "fraction_units": units,
            "smallest_currency_fraction_value": smallest,
            "symbol": symbol,
            "number_format": number_format,
        }


def _read(name):
    return json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
