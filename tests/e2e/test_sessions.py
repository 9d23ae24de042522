"""Logging in and out over HTTP: cookies, CSRF, throttling, and what ends a session."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.site import Answer, Client, ServedSite, run_command
from tests.e2e.waiting import wait_for

USER = "asha@example.com"
PASSWORD = "correct horse"


class Browser:
    """A client that keeps cookies and sends no credentials."""

    def __init__(self, site: ServedSite) -> None:
        self.client = site.guest()
        self.token: str | None = None

    def log_in(self, user: str = USER, password: str = PASSWORD) -> Answer:
        answer = self.client.post("/api/method/login", {"usr": user, "pwd": password})
        if answer.status == 200:
            self.token = self.client.get("/api/method/frappe.sessions.get_csrf_token").message
        return answer

    def whoami(self) -> Answer:
        return self.client.get("/api/method/frappe.auth.get_logged_user")

    def write(self, *, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        return self.client.post("/api/resource/Lead", {"lead_name": "by session", **body}, headers=headers)

    def write_well(self) -> Answer:
        assert self.token
        return self.write(headers={"X-Frappe-CSRF-Token": self.token})


@pytest.fixture
def browser(site: ServedSite, admin: Client) -> Browser:
    make_user(admin)
    return Browser(site)


def make_user(admin: Client, user: str = USER) -> None:
    """Make a user who may log in, if it is not there; whatever a test before did to it is put right."""
    values = {"enabled": 1, "new_password": PASSWORD, "roles": [{"role": "System Manager"}, {"role": "Sales User"}]}
    if admin.get(f"/api/resource/User/{user}").status == 404:
        admin.post("/api/resource/User", {"email": user, "first_name": "Asha", "last_name": "Rao"})
    assert admin.put(f"/api/resource/User/{user}", values).status == 200


def test_a_login_gives_a_session_with_frappe_s_cookies(browser: Browser) -> None:
    answer = browser.log_in()

    assert answer.json == {"message": "Logged In", "home_page": "/app", "full_name": "Asha Rao"}
    cookies = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookies.partition("system_user=")[0]
    assert cookies.count("SameSite=Lax") == 5
    assert "Secure" not in cookies
    for told in ("system_user=yes", "full_name=Asha%20Rao", "user_id=asha%40example.com"):
        assert told in cookies
    assert browser.whoami().message == USER


def test_a_login_by_command_is_the_same(browser: Browser) -> None:
    answer = browser.client.post("/", body=None, json=None, params={"cmd": "login", "usr": USER, "pwd": PASSWORD})

    assert answer.json["message"] == "Logged In"
    assert browser.whoami().message == USER
    assert browser.client.get("/", params={"cmd": "logout"}).status == 200
    assert browser.whoami().status == 403


def test_addresses_are_written_in_any_case(browser: Browser) -> None:
    assert browser.log_in("  Asha@Example.com ").status == 200


@pytest.mark.parametrize(("user", "password"), [(USER, "wrong"), ("who@example.com", PASSWORD), ("Guest", "guest")])
def test_a_wrong_login_says_nothing_of_what_is_wrong(browser: Browser, user: str, password: str) -> None:
    answer = browser.log_in(user, password)

    assert answer.status == 401
    assert answer.json["message"] == "Invalid login credentials"
    assert "Set-Cookie" not in answer.headers


def test_https_sites_send_their_cookies_by_https_only(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start(DEMITASSE_HOST_NAME="https://shop.example.com")

    answer = Browser(site).client.post("/api/method/login", {"usr": "Administrator", "pwd": site.password})

    assert answer.headers["Set-Cookie"].count("; Secure") == 5


def test_a_session_s_writes_need_its_token(browser: Browser) -> None:
    browser.log_in()
    refused = [
        browser.write(),
        browser.write(headers={"X-Frappe-CSRF-Token": "made-up"}),
        browser.write(csrf_token=["x"]),
        browser.client.delete("/api/resource/Lead/CRM-LEAD-2026-00001"),
        browser.client.post("/", body="cmd=frappe.client.insert", headers={"Content-Type": "application/x-www-form-urlencoded"}),
    ]  # fmt: skip

    assert [(answer.status, answer.json["exc_type"]) for answer in refused] == [(400, "CSRFTokenError")] * 5
    assert browser.write_well().status == 200
    in_body = browser.write(csrf_token=browser.token)
    assert in_body.status == 200
    assert "X-Demitasse-Unknown-Fields" not in in_body.headers


def test_credentials_in_a_header_need_no_token_even_beside_a_cookie(browser: Browser, site: ServedSite) -> None:
    browser.log_in()

    assert browser.write(headers={"Authorization": site.authorization}).status == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example"])
def test_pages_of_other_sites_may_change_nothing(browser: Browser, site: ServedSite, origin: str) -> None:
    browser.log_in()
    assert browser.token
    headers = {"X-Frappe-CSRF-Token": browser.token, "Origin": origin}

    assert browser.write(headers=headers).status == 400
    assert browser.client.post("/api/method/logout", headers={"Origin": origin}).status == 400
    login = {"usr": USER, "pwd": PASSWORD}
    assert browser.client.post("/api/method/login", login, headers={"Origin": origin}).status == 400
    assert browser.write(headers={**headers, "Origin": site.url}).status == 200


def test_a_logout_ends_the_session_and_a_used_up_cookie_is_told_so(browser: Browser, site: ServedSite) -> None:
    browser.log_in()
    kept = browser.client.get("/api/method/frappe.sessions.get_csrf_token")
    assert kept.message == browser.token
    sid = browser.client.cookies["sid"]

    answer = browser.client.post("/api/method/logout")

    assert answer.json["full_name"] == "Guest"
    assert "sid=;" in answer.headers["Set-Cookie"]
    with site.guest() as thief:
        again = thief.get("/api/method/frappe.auth.get_logged_user", headers={"Cookie": f"sid={sid}"})
    assert (again.status, again.json["session_expired"]) == (403, 1)


def test_sessions_survive_a_restart(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    browser = Browser(site)
    browser.log_in("Administrator", site.password)
    site.stop()
    site.start()

    assert browser.whoami().message == "Administrator"
    assert browser.write_well().status == 200


def test_disabling_a_user_ends_the_sessions_for_good(browser: Browser, admin: Client) -> None:
    browser.log_in()
    assert browser.whoami().status == 200

    assert admin.put(f"/api/resource/User/{USER}", {"enabled": 0}).status == 200
    assert browser.whoami().status == 403
    assert browser.log_in().status == 401
    assert admin.put(f"/api/resource/User/{USER}", {"enabled": 1}).status == 200
    assert browser.whoami().status == 403


def test_a_new_password_ends_the_other_sessions(browser: Browser, site: ServedSite) -> None:
    other = Browser(site)
    browser.log_in()
    other.log_in()
    change = {"old_password": PASSWORD, "new_password": "another horse"}
    path = "/api/method/frappe.core.doctype.user.user.update_password"
    headers = {"X-Frappe-CSRF-Token": str(browser.token)}

    assert browser.client.post(path, {**change, "old_password": "wrong"}, headers=headers).status == 401
    assert browser.client.post(path, {**change, "new_password": "short"}, headers=headers).status == 417
    assert browser.client.post(path, change, headers=headers).message == "/app"

    assert browser.whoami().status == 200
    assert other.whoami().status == 403
    assert other.log_in().status == 401
    assert other.log_in(password="another horse").status == 200


def test_a_password_set_on_the_user_is_kept_nowhere_else(browser: Browser, admin: Client, site: ServedSite) -> None:
    assert browser.log_in().status == 200
    shown = admin.get(f"/api/resource/User/{USER}")

    assert not shown.data.get("new_password")
    assert PASSWORD.encode() not in (site.path / "site.db").read_bytes() + (site.path / "site.db-wal").read_bytes()
    assert PASSWORD not in site.log


def test_a_command_sets_a_password_while_the_site_serves(browser: Browser, site: ServedSite) -> None:
    browser.log_in()
    arguments = ("set-password", USER, "--password", "from the shell", "--site", str(site.path))

    done = run_command(*arguments)

    assert done.returncode == 0, done.stderr
    wait_for("the end of the session", lambda: browser.whoami().status == 403)
    assert browser.log_in(password="from the shell").status == 200
    assert run_command("set-password", USER, "--password", "short", "--site", str(site.path)).returncode == 1


def test_guessing_is_throttled_for_the_user_and_says_when_to_come_back(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    browser = Browser(site)
    for _ in range(5):
        assert browser.log_in("Administrator", "wrong").status == 401

    answer = browser.log_in("Administrator", site.password)

    assert (answer.status, answer.json["exc_type"]) == (429, "RateLimitExceededError")
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert site.client().get("/api/method/ping").status == 200


def test_metrics_know_a_session_too(browser: Browser) -> None:
    assert browser.client.get("/metrics").status == 401
    browser.log_in()
    assert browser.client.get("/metrics").status == 200


def test_the_root_leads_to_the_desk(guest: Client) -> None:
    answer = guest.get("/")

    assert (answer.status, answer.headers["Location"]) == (303, "/app")
