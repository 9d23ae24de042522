"""ScoopJoy's calendar: a login at a real provider, and a calendar service that also fails in every way it can."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from demitasse.app.install import migrate, new_site
from tests.e2e.connect.conftest import METHODS, Browser, Shop, opened_shop
from tests.e2e.connect.provider import CLIENT_ID, CLIENT_SECRET
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import make_site
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import rows

EVENTS = "/api/method/scoopjoy.api.calendar.get_franchise_team_events"
GOOGLE = "https://www.googleapis.com/auth/"
SCOPES = [f"{GOOGLE}calendar", f"{GOOGLE}calendar.events"]
ASHA, RAVI = "asha@shop.test", "ravi@shop.test"
LISTED: dict[str, Any] = {
    "kind": "calendar#events",
    "items": [
        {
            "summary": "Franchise call",
            "start": {"dateTime": "2026-05-01T10:00:00+05:30", "timeZone": "Asia/Kolkata"},
            "end": {"dateTime": "2026-05-01T11:00:00+05:30"},
            "location": "Bandra outlet",
        },
        {"start": {"date": "2026-05-02"}, "end": {"date": "2026-05-03"}},
    ],
}
SHOWN = [
    {
        "summary": "Franchise call",
        "start": "2026-05-01T10:00:00+05:30",
        "end": "2026-05-01T11:00:00+05:30",
        "location": "Bandra outlet",
    },
    {"summary": "No Title", "start": "2026-05-02", "end": "2026-05-03", "location": ""},
]


def listed(content: Any = LISTED) -> Reply:
    return Reply(body=json.dumps(content).encode(), headers={"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def calendar() -> Iterator[Receiver]:
    """The calendar service; each test tells it what to answer."""
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def shop(calendar: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A ScoopJoy site with Google configured, whose Google is the provider on loopback."""
    folder: Path = tmp_path_factory.mktemp("calendar")
    conf = {"google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET}
    made = make_site(folder / "made", apps=["scoopjoy", "linked"], conf=conf)
    base = f"http://127.0.0.1:{calendar.port}/calendar/v3"
    with opened_shop(made, folder / "site", scopes=SCOPES, DEMITASSE_GOOGLE_CALENDAR_BASE_URL=base) as found:
        yield found


@pytest.fixture(scope="module")
def asha(shop: Shop) -> Browser:
    """A user who has connected; the app points to the provider on loopback from here on."""
    before = shop.admin.get("/api/resource/Connected App/Google").data
    assert before["authorization_uri"] == "https://accounts.google.com/o/oauth2/v2/auth"
    assert (before["token_uri"], before["revocation_uri"]) == (
        "https://oauth2.googleapis.com/token",
        "https://oauth2.googleapis.com/revoke",
    )
    assert [row["scope"] for row in before["scopes"]] == SCOPES
    assert [(row["key"], row["value"]) for row in before["query_parameters"]] == [("access_type", "offline")]
    issuer = shop.provider.issuer
    local = {"authorization_uri": f"{issuer}/auth", "token_uri": f"{issuer}/token"}
    local["revoke_uri"] = f"{issuer}/token/revocation"
    assert shop.admin.put("/api/resource/Connected App/Google", local).status == 200
    browser = shop.browser(ASHA)
    there = shop.begin(browser, "Google", success_uri="/app")
    query = parse_qs(urlsplit(there).query)
    assert (query["access_type"], query["prompt"], query["scope"]) == (["offline"], ["consent"], [" ".join(SCOPES)])
    assert browser.get(shop.person("asha").agree(there)).headers["Location"] == "/app"
    return browser


def test_the_next_events_are_told_timed_and_all_day(shop: Shop, asha: Browser, calendar: Receiver) -> None:
    calendar.reply = lambda _: listed()
    before = len(calendar.arrived())
    assert asha.get(EVENTS).json()["message"] == SHOWN
    [asked] = calendar.arrived()[before:]
    path, query = asked.path.split("?")
    assert path == "/calendar/v3/calendars/primary/events"
    asked_for = {key: value[0] for key, value in parse_qs(query).items()}
    assert asked_for.pop("timeMin").endswith("+00:00")
    assert asked_for == {"maxResults": "10", "orderBy": "startTime", "singleEvents": "true"}
    assert asked.headers["authorization"].startswith("Bearer ")


def test_ten_events_are_enough(asha: Browser, calendar: Receiver) -> None:
    calendar.reply = lambda _: listed({"items": LISTED["items"][:1] * 12})
    assert len(asha.get(EVENTS).json()["message"]) == 10
    calendar.reply = lambda _: listed({"items": []})
    assert asha.get(EVENTS).json()["message"] == []


def test_who_has_not_connected_is_told_where(shop: Shop, asha: Browser) -> None:
    answer = shop.browser(RAVI).get(EVENTS)
    assert answer.status_code == 417
    assert "not connected" in answer.text
    assert "authorize first" in answer.text
    assert f"{shop.site.url}/api/method/{METHODS}.connect?name=Google" in answer.text


def test_a_user_sees_only_their_own_unless_permitted(shop: Shop, asha: Browser, calendar: Receiver) -> None:
    calendar.reply = lambda _: listed()
    before = len(calendar.arrived())
    assert shop.browser(RAVI).get(EVENTS, user=ASHA).status_code == 403
    assert len(calendar.arrived()) == before
    assert shop.admin.get(EVENTS, params={"user": ASHA}).message == SHOWN
    assert asha.get(EVENTS, user=ASHA).json()["message"] == SHOWN
    with shop.site.guest() as guest:
        assert guest.get(EVENTS).status == 403


def test_one_401_brings_one_refresh_and_one_repetition(shop: Shop, asha: Browser, calendar: Receiver) -> None:
    shop.provider.reset()
    answers = iter([Reply(status=401, body=b'{"error": {"code": 401}}'), listed()])
    calendar.reply = lambda _: next(answers)
    before = len(calendar.arrived())
    assert asha.get(EVENTS).json()["message"] == SHOWN
    first, second = calendar.arrived()[before:]
    assert first.headers["authorization"] != second.headers["authorization"]
    assert shop.provider.refreshes() == 1


def test_a_401_that_stays_is_told_with_the_link(shop: Shop, asha: Browser, calendar: Receiver) -> None:
    calendar.reply = lambda _: Reply(status=401)
    before = len(calendar.arrived())
    answer = asha.get(EVENTS)
    assert (answer.status_code, answer.json()["exc_type"]) == (417, "CalendarNotConnected")
    assert "connect?name=Google" in answer.text
    assert len(calendar.arrived()) == before + 2


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=403, body=b'{"error": {"errors": [{"reason": "insufficientPermissions"}]}}'), "Calendar API"),
        (Reply(status=403, body=b'{"error": {"errors": [{"reason": "userRateLimitExceeded"}]}}'), "try again later"),
        (Reply(status=429, headers={"Retry-After": "30"}), "try again later"),
        (Reply(status=500, body=b"<html>"), "status 500"),
        (Reply(status=302, headers={"Location": "https://evil.example/"}), "status 302"),
        (Reply(body=b"<html>hello</html>"), "no list of events"),
        (Reply(body=b""), "no list of events"),
        (Reply(body=b'{"items": [{"summary": "x"}]}'), "no list of events"),
        (Reply(body=b'{"items": {"a": 1}}'), "no list of events"),
        (Reply(body=b"[" * 60_000), "no list of events"),
        (Reply(body=b" " * 2_000_000), "cannot be reached"),
    ],
    ids=["403", "403-rate", "429", "500", "302", "html", "empty", "shape", "object", "deep", "huge"],
)
def test_a_failure_is_told_and_logged(shop: Shop, asha: Browser, calendar: Receiver, reply: Reply, reason: str) -> None:
    calendar.reply = lambda _: reply
    before = len(calendar.arrived())
    answer = asha.get(EVENTS)
    assert (answer.status_code, answer.json()["exc_type"]) == (502, "CalendarUnavailable")
    assert reason in answer.text
    assert len(calendar.arrived()) == before + 1
    wait_for("the Error Log", lambda: [row for row in rows(shop.admin, "Error Log") if reason in (row["error"] or "")])
    calendar.reply = lambda _: listed()
    assert asha.get(EVENTS).json()["message"] == SHOWN


def test_a_service_that_is_down_is_told(asha: Browser, calendar: Receiver) -> None:
    calendar.down()
    try:
        answer = asha.get(EVENTS)
    finally:
        calendar.up()
    assert (answer.status_code, "cannot be reached" in answer.text) == (502, True)


def test_a_slow_service_is_left_after_ten_seconds_and_stops_nobody(
    shop: Shop, asha: Browser, calendar: Receiver
) -> None:
    calendar.reply = lambda _: Reply(waits_for_release=True)
    answer = asha.get(EVENTS)
    calendar.release()
    assert (answer.status_code, "Timeout" in answer.text) == (502, True)


def test_the_client_s_secret_is_only_named(shop: Shop, asha: Browser) -> None:
    stored = shop.admin.get("/api/resource/Connected App/Google").data
    assert stored["client_id"] == CLIENT_ID
    assert stored["client_secret"] == "********"
    assert not stored.get("redirect_uri")
    assert shop.status(asha, "Google")["redirect_uri"].endswith(".connected_app.callback/Google")


def test_google_comes_with_a_migration_once_it_is_configured_and_follows_the_client(tmp_path: Path) -> None:
    path = tmp_path / "site"
    new_site(path, apps=["scoopjoy"], environ={})
    assert google_on(path) is None
    for client_id, secret in (("one", "first-secret"), ("two", "second-secret"), ("two", "second-secret")):
        migrate(path, environ={"DEMITASSE_GOOGLE_CLIENT_ID": client_id, "DEMITASSE_GOOGLE_CLIENT_SECRET": secret})
        assert google_on(path) == client_id
    connection = sqlite3.connect(path / "site.db")
    dump = "\n".join(connection.iterdump())
    connection.close()
    assert "first-secret" not in dump
    assert "second-secret" not in dump


def google_on(path: Path) -> str | None:
    """Return the client id of the Connected App for Google, where there is one."""
    connection = sqlite3.connect(path / "site.db")
    found = connection.execute('SELECT client_id FROM "tabConnected App"').fetchall()
    connection.close()
    assert len(found) <= 1
    return found[0][0] if found else None
