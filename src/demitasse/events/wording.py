"""Words: sets of names, and for messages what a value is and which name was meant."""

import difflib
from collections.abc import Iterable

_KINDS = {
    "NoneType": "an empty value (None)",
    "str": "a text",
    "bool": "a yes-or-no value",
    "int": "a number",
    "float": "a number",
    "Decimal": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "a dictionary",
    "date": "a date",
    "datetime": "a moment",
    "time": "a time",
    "timedelta": "a time",
    "DocumentView": "a document",
    "FrappeNames": "frappe (here it has only frappe.utils)",
    "Functions": "frappe.utils",
}


def words(text: str) -> frozenset[str]:
    """Return the words of a line: a set of names that is read more easily than one with a quote around each."""
    return frozenset(text.split())


def describe(value: object) -> str:
    """Return what a value is, with its article."""
    kind = type(value).__name__
    return _KINDS.get(kind, f"a value of type {kind}")


def suggest(name: object, known: Iterable[str]) -> str:
    """Return the end of a sentence that names what is near to ``name``; empty where nothing is."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
