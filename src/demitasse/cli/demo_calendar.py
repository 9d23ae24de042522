"""A step of the tour: a person connects a calendar with two clicks, and code has a token that works."""

from urllib.parse import urlsplit

from rich.console import Console

from demitasse.cli.demo_google import GoogleService
from demitasse.cli.demo_site import SiteProcess, SiteRefused

_CONNECT = "/api/method/frappe.integrations.doctype.connected_app.connected_app.connect"
_DISCONNECT = "/api/method/frappe.integrations.doctype.connected_app.connected_app.disconnect"
_EVENTS = "/api/method/scoopjoy.api.calendar.get_franchise_team_events"
_EXPECTED_EVENTS = 3


def connect_calendar(out: Console, site: SiteProcess, google: GoogleService, *, password: str) -> None:
    """Log in, connect the calendar, show its events, let the token end, and disconnect."""
    site.put(
        "/api/resource/Connected App/Google",
        {
            "authorization_uri": f"{google.url}/auth",
            "token_uri": f"{google.url}/token",
            "revocation_uri": f"{google.url}/revoke",
        },
    )
    out.print(
        "   the Connected App [bold]Google[/bold] came with ScoopJoy; here it points to a small Google on loopback"
    )
    with site.browser("Administrator", password) as browser:
        before = browser.get(_EVENTS)
        _must(not before.ok and "authorize first" in before.text, f"without a connection: {before.text[:200]}")
        out.print("   [green]✓[/green] before: not connected, authorize first, with the link")
        steps = [browser.get(f"{_CONNECT}?name=Google&success_uri=/app")]
        while steps[-1].is_redirect and not steps[-1].headers["Location"].startswith("/"):
            steps.append(browser.get(steps[-1].headers["Location"]))
        for step in steps:
            where = urlsplit(step.url)
            path = where.path.replace("frappe.integrations.doctype.connected_app.connected_app", "…")
            out.print(f"   GET {where.scheme}://{where.netloc}{path}  →  {step.status_code}", highlight=False)
        _must(steps[-1].headers.get("Location") == "/app", f"the login ended with {steps[-1].text[:200]}")
        events = browser.get(_EVENTS).json()["message"]
        for event in events:
            out.print(f"   {event['start']:<25}  {event['summary']:<24}  {event['location']}")
        _must(len(events) == _EXPECTED_EVENTS, f"the events are {events}")
        google.end_access_tokens()
        again = browser.get(_EVENTS).json()["message"]
        _must(again == events and google.refreshes == 1, f"after {google.refreshes} refreshes the events are {again}")
        out.print(
            "   [green]✓[/green] the calendar refused the token once: one refresh, one repetition, the same events"
        )
    done = site.post(_DISCONNECT, {"name": "Google"})["message"]
    _must(done["revoked"] and not google.refresh_tokens, f"disconnecting came to {done}")
    out.print("   [green]✓[/green] disconnected: revoked at the provider, then deleted here")


def _must(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise SiteRefused(message)
