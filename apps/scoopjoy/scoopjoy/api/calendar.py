"""What a member of the franchise team has in their calendar next."""

import json
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import frappe
import requests
from frappe.integrations.doctype.connected_app import connected_app

from scoopjoy.google import GOOGLE
from scoopjoy.reading import read_body

EVENTS = 10
TIMEOUT_S = 10
MAX_ANSWER_BYTES = 1024 * 1024
DEFAULT_BASE_URL = "https://www.googleapis.com"
_LIMITS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded")


class CalendarUnavailable(frappe.ValidationError):
    """The calendar service gave no events."""

    http_status_code = 502


class CalendarNotConnected(frappe.ValidationError):
    """The user has not authorized this site yet, or has taken that back."""


@frappe.whitelist()
def get_franchise_team_events(user=None):
    """Return the next events of a user's primary calendar: ``[{summary, start, end, location}]``, by their start.

    Args:
        user: Oneself unless given; that of others is for System Managers.
    """
    user = user or frappe.session.user
    if user != frappe.session.user:
        frappe.only_for("System Manager")
    if not frappe.db.exists("Connected App", GOOGLE):
        frappe.throw("Set google_client_id and google_client_secret in site_config.json, then run migrate")
    app = frappe.get_doc("Connected App", GOOGLE)
    if not app.get_active_token(user):
        raise _not_connected(user)
    url = events_url(frappe.conf.get("google_calendar_base_url"))
    return ask(app.get_oauth2_session(user), url, user)


def events_url(base):
    """Return where the events of the primary calendar are, from a base that may be a host or go further down."""
    base = (base or DEFAULT_BASE_URL).rstrip("/")
    path = urlsplit(base).path
    if path.endswith("/events"):
        return base
    return f"{base}/calendars/primary/events" if path else f"{base}/calendar/v3/calendars/primary/events"


def ask(session, url, user, timeout_s=TIMEOUT_S):
    """Return the events that the calendar service gives; the session sends the user's token, and renews it once.

    Raises:
        CalendarNotConnected: the service does not accept the user's token, also not a new one.
        CalendarUnavailable: it gives none; the reason is in the Error Log too.
    """
    params = {
        "maxResults": EVENTS,
        "orderBy": "startTime",
        "singleEvents": "true",
        "timeMin": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    deadline = time.monotonic() + timeout_s
    try:
        # No redirects: the token goes to nobody else.
        with session.get(url, params=params, timeout=timeout_s, stream=True, allow_redirects=False) as answer:
            status, body = answer.status_code, read_body(answer, deadline, MAX_ANSWER_BYTES)
    except requests.RequestException as error:
        return _fail(user, f"The calendar service cannot be reached ({type(error).__name__})")
    if status == 401:
        raise CalendarNotConnected(f"Google refuses the access that {user} has given: connect again, at {_link()}")
    reason = _reason(status, body)
    return _fail(user, reason) if reason else _events(user, body)


def _reason(status, body):
    if status == 200:
        return None
    if status == 429 or (status == 403 and any(word in body.decode(errors="replace") for word in _LIMITS)):
        return "The calendar service has had too many requests from us: try again later"
    if status == 403:
        return (
            "The calendar service does not let us see the calendar: switch the Google Calendar API on for the project, "
            "and connect again with all permissions ticked"
        )
    return f"The calendar service answered with status {status}"


def _events(user, body):
    try:
        return [_event(item) for item in json.loads(body)["items"][:EVENTS]]
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return _fail(user, "The calendar service answered with something that is no list of events")


def _event(item):
    """Return an event as we show it; one of a whole day has dates, and its end is the day after it."""
    start, end = item["start"], item["end"]
    return {
        "summary": str(item.get("summary") or "No Title"),
        "start": start.get("dateTime") or start["date"],
        "end": end.get("dateTime") or end["date"],
        "location": str(item.get("location") or ""),
    }


def _not_connected(user):
    return CalendarNotConnected(f"Google Calendar is not connected for {user}: authorize first, at {_link()}")


def _link():
    """Return where the user connects: a link that says it all, or on a bench the form with the button."""
    link = getattr(connected_app, "connect_url", None)
    return link(GOOGLE) if link else frappe.utils.get_url_to_form("Connected App", GOOGLE)


def _fail(user, reason):
    frappe.log_error(title="Calendar failed", message=f"{user}: {reason}")
    raise CalendarUnavailable(reason)
