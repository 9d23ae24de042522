"""Answers for people: redirects, and short pages instead of JSON."""

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from demitasse.frappe.pages import PAGE, REDIRECT
from demitasse.kernel.errors import DemitasseError
from demitasse.web.envelope import Answer
from demitasse.web.errors import describe

_OK, _FOUND = 200, 302
_IN_ADDRESSES = "!#$%&'()*+,/:;=?@[]~"
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 12vh auto; max-width: 34rem; padding: 0 1.5rem; overflow-wrap: anywhere; }}
</style>
</head>
<body><main><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
_PAGE_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # The address may hold what a provider sent along; it goes no further, and nothing on the page runs.
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; img-src 'self'"),
)


def answer_for_people(response: Mapping[str, Any], *, status: int) -> Answer | None:
    """Return the redirect or page that a function asked for (``frappe.response``); ``None``: it answers JSON."""
    if response.get("type") == REDIRECT and response.get("location"):
        return _redirect(str(response["location"]))
    page = response.get("page")
    if response.get("type") == PAGE and isinstance(page, Mapping):
        return _page(str(page["title"]), str(page["html"]), status=status)
    return None


def error_for_people(error: Exception, response: Mapping[str, Any], *, accepts: str) -> Answer | None:
    """Return the page of an error, where the function answers people and a browser asks; else ``None``."""
    if response.get("type") != PAGE or "text/html" not in accepts or not isinstance(error, DemitasseError):
        return None
    status, _ = describe(error)
    title = str(error.data.get("title") or "That did not work")
    return _page(title, html.escape(error.message), status=status)


def leads_on(location: str) -> Answer:
    """Return a page that goes on to an address of this site by itself: where a redirect after a form would be held up.

    Browsers hold a form to the page's ``form-action`` over all redirects that follow it, also to another site's login.
    """
    place = _encoded(location)
    link = f'<a href="{html.escape(place)}">Go on</a>'
    return _page("Logged in", link, status=_OK).with_headers((b"refresh", f"0;url={place}".encode()))


def _redirect(location: str) -> Answer:
    place = _encoded(location).encode()
    headers = ((b"location", place), (b"cache-control", b"no-store"), (b"referrer-policy", b"no-referrer"))
    return Answer(status=_FOUND, body=b"", headers=headers)


def _encoded(location: str) -> str:
    """Return an address that stays one header whatever is in it: line breaks and the like are encoded."""
    return quote(location, safe=_IN_ADDRESSES)


def _page(title: str, text: str, *, status: int) -> Answer:
    return Answer(status=status, body=_PAGE.format(title=html.escape(title), text=text).encode(), headers=_PAGE_HEADERS)
