"""A site whose users connect accounts at a real provider."""

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.connect.provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    OidcProvider,
    Person,
    running_provider,
)
from tests.e2e.connect.secrets import find_secrets, record_answers
from tests.e2e.site import COMMAND, TIMEOUT_S, Client, MadeSite, ServedSite, environment, make_site
from tests.e2e.waiting import wait_for

METHODS = "frappe.integrations.doctype.connected_app.connected_app"
CALLBACK = f"/api/method/{METHODS}.callback"
LOGIN_CALLBACK = "/api/method/frappe.integrations.oauth2_logins.login_via_oauth2"
PASSWORD = "a-long-password-of-theirs"  # As the fixture app makes them.
APP = "Provider"
SCOPES = ("openid", "email", "offline_access", "calendar")


class Browser:
    """A user's browser at the site: cookies, and no redirect followed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        record_answers(self.session)

    def log_in(self, user: str) -> None:
        answer = self.session.post(
            f"{self.url}/api/method/login", data={"usr": user, "pwd": PASSWORD}, timeout=TIMEOUT_S
        )
        assert answer.status_code == 200, answer.text

    def get(self, path: str, /, **params: str) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        return self.session.get(url, params=params, timeout=TIMEOUT_S, allow_redirects=False)

    def see(self, path: str, /, **params: str) -> requests.Response:
        """Return what is shown to a person, who asks for pages."""
        url = path if path.startswith("http") else self.url + path
        headers = {"Accept": "text/html,*/*;q=0.8"}
        return self.session.get(url, params=params, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)

    def close(self) -> None:
        self.session.close()


@dataclass
class Shop:
    """The served site, its provider, and who uses both."""

    site: ServedSite
    provider: OidcProvider
    admin: Client
    _open: list[Any] = field(default_factory=list)

    def browser(self, user: str | None = None) -> Browser:
        """Return a new browser, logged in as a user."""
        found = Browser(self.site.url)
        self._open.append(found)
        if user is not None:
            found.log_in(user)
        return found

    def person(self, login: str) -> Person:
        """Return a person who logs in at the provider under this name."""
        found = Person(self.provider, login)
        self._open.append(found)
        return found

    def begin(self, browser: Browser, app: str = APP, **params: str) -> str:
        """Visit the link, and return where it leads at the provider."""
        answer = browser.get(f"/api/method/{METHODS}.connect", name=app, **params)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def connect(self, user: str, *, app: str = APP, login: str | None = None) -> Browser:
        """Connect a user's account, and return the browser that did it."""
        browser = self.browser(user)
        there = self.begin(browser, app, success_uri="/done")
        back = self.person(login or user.partition("@")[0]).agree(there)
        answer = browser.get(back)
        assert (answer.status_code, answer.headers.get("Location")) == (302, "/done"), answer.text
        return browser

    def call(self, browser: Browser, function: str, **arguments: str) -> Any:
        """Call a function of the fixture app by GET, and return what it returns."""
        answer = browser.get(f"/api/method/linked.api.{function}", **arguments)
        assert answer.status_code == 200, answer.text
        return answer.json().get("message")

    def status(self, browser: Browser, app: str = APP, **arguments: str) -> dict[str, Any]:
        """Return how a connection is."""
        [found] = browser.get(f"/api/method/{METHODS}.get_connections", name=app, **arguments).json()["message"]
        return dict(found)

    def add_app(self, name: str, **values: Any) -> None:
        """Make a Connected App at the provider."""
        given: dict[str, Any] = {
            "name": name,
            "provider_name": f"The {name}",
            "openid_configuration": self.provider.discovery,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authorization_uri": f"{self.provider.issuer}/auth",
            "token_uri": f"{self.provider.issuer}/token",
            "revoke_uri": f"{self.provider.issuer}/token/revocation",
            "userinfo_uri": f"{self.provider.issuer}/me",
            "redirect_uri": self.site.url + LOGIN_CALLBACK,
            "scopes": [{"scope": scope} for scope in SCOPES],
            **values,
        }
        answer = self.admin.post("/api/resource/Connected App", given)
        assert answer.status == 200, answer.text

    def execute(self, function: str, **arguments: Any) -> "subprocess.Popen[str]":
        """Call a function of the fixture app in a process of its own, beside the server."""
        kwargs = ["--kwargs", json.dumps(arguments)]
        return subprocess.Popen(
            [*COMMAND, "execute", f"linked.api.{function}", "--site", str(self.site.path), *kwargs],
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def end_token(self, browser: Browser, app: str = APP) -> str:
        """Wait until the stored access token has ended, and return its fingerprint."""
        ends_at = datetime.fromisoformat(self.status(browser, app)["expires_at"]).replace(tzinfo=UTC)
        wait_for("the end of the token", lambda: datetime.now(UTC) > ends_at)
        return str(self.call(browser, "stored", name=app))

    def connect_briefly(self, user: str, app: str) -> tuple[Browser, str]:
        """Connect a user with a token that ends at once; return the browser and the token's fingerprint."""
        self.add_app(app)
        self.provider.set(expiresIn=1)
        browser = self.connect(user, app=app)
        old = self.end_token(browser, app)
        self.provider.reset()
        return browser, old

    def close(self) -> None:
        for each in self._open:
            each.close()
        self.admin.close()


@pytest.fixture(scope="session")
def linked_site(tmp_path_factory: pytest.TempPathFactory) -> MadeSite:
    """A site with the fixture app and two users who can log in."""
    return make_site(tmp_path_factory.mktemp("linked") / "site", apps=["linked"])


@contextmanager
def opened_shop(made: MadeSite, path: Path, *, scopes: Iterable[str] = (), **environ: str) -> Iterator[Shop]:
    """Serve a copy of the site beside a provider of its own."""
    served = made.copy(path)
    callbacks = [served.url + LOGIN_CALLBACK, *(f"{served.url}{CALLBACK}/{name}" for name in ("Computed", "Google"))]
    with running_provider(callbacks, scopes=scopes) as provider:
        shop: Shop | None = None
        try:
            served.start(**environ)
            shop = Shop(site=served, provider=provider, admin=served.client())
            record_answers(shop.admin._session)
            shop.add_app(APP)
            yield shop
            # Whatever the tests did with the shop: nothing secret may have come out anywhere.
            assert find_secrets(served, shop.admin, provider.secrets()) == []
        finally:
            if shop is not None:
                shop.close()
            served.close()


@pytest.fixture(scope="module")
def shop(linked_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that the tests of a module share; tokens live for an hour."""
    with opened_shop(linked_site, tmp_path_factory.mktemp("shop") / "site") as found:
        yield found


@pytest.fixture
def open_shop(linked_site: MadeSite, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Open a shop of a test's own."""
    opened: list[Any] = []

    def open_one(**options: Any) -> Shop:
        manager = opened_shop(linked_site, tmp_path / f"site{len(opened)}", **options)
        found = manager.__enter__()
        opened.append(manager)
        return found

    yield open_one
    for manager in reversed(opened):
        manager.__exit__(None, None, None)
