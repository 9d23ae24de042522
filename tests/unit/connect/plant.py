"""Connections on a real site, with a provider that answers as it is told and a clock that only the test moves."""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from demitasse.app.site import Site, open_site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.connect.context import Caller, ConnectContext, Work
from demitasse.connect.discovery import Discovery
from demitasse.connect.keeping import keep_new
from demitasse.connect.model import Grant, Tokens
from demitasse.connect.ports import Reply
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations

APP, USER = "Provider", "asha@shop.test"
START = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to the provider."""

    method: str
    url: str
    headers: Mapping[str, str]
    form: dict[str, str]


class FakeProvider:
    """Answers in order what it was given, the last one again and again; an exception is raised."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._answers: deque[Reply | Exception] = deque()

    def answers(self, *answers: Reply | Exception) -> None:
        self._answers = deque(answers)

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        self.asked.append(Asked(method, url, headers, dict(parse_qsl(body.decode()))))
        answer = self._answers.popleft() if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def reply(status: int = 200, /, **content: Any) -> Reply:
    return Reply(status=status, body=json.dumps(content).encode())


def gives(access_token: str, refresh_token: str | None = None, *, expires_in: Any = 3600, **more: Any) -> Reply:
    found = {
        "access_token": access_token,
        "token_type": "Bearer",
        "refresh_token": refresh_token,
        "expires_in": expires_in,
    }
    return reply(**{key: value for key, value in {**found, **more}.items() if value is not None})


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Plant:
    """The connections of a site. ``later`` is what callers left to be written after their end."""

    site: Site
    context: ConnectContext
    provider: FakeProvider
    clock: Clock
    later: list[Work] = field(default_factory=list)

    @contextmanager
    def calling(self, *, writes: bool = False) -> Iterator[Caller]:
        """Give a call; with ``writes`` it has changed something. It is rolled back."""
        tx = self.site.database.write() if writes else self.site.database.read()
        if writes:
            tx.run('INSERT INTO "tabSeries" ("name", "current") VALUES (?, 1)', ("written",))
        try:
            yield Caller(self.context, tx, later=self.later.append)
        finally:
            tx.rollback()

    def finish_later(self) -> None:
        """Write what callers left, as the aftermath does."""
        works, self.later[:] = list(self.later), []
        for work in works:
            self.write(work)

    def write(self, work: Work) -> None:
        tx = self.site.database.write()
        try:
            work(tx)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise

    def grant(self, access_token: str = "first", refresh_token: str | None = "refresh-1", **more: Any) -> Grant:
        """Keep a grant of the user."""
        tokens = Tokens(
            access_token=access_token,
            refresh_token=refresh_token,
            expires_in=more.pop("expires_in", 3600.0),
            scopes=more.pop("scopes", None),
            issued_at=self.clock(),
        )
        found: list[Grant] = []

        def keep(tx: Transaction) -> None:
            found.append(
                keep_new(self.context, tx, app=APP, user=USER, tokens=tokens, asked=("calendar",), **more),
            )

        self.write(keep)
        return found[0]

    def column(self, name: str) -> Any:
        """Return a column of the one grant."""
        tx = self.site.database.read()
        rows = tx.execute(f'SELECT "{name}" FROM "connect_grant"')
        tx.rollback()
        return rows[0][0] if rows else None

    def alerts(self) -> list[str]:
        """Return the messages of all alerts."""
        tx = self.site.database.read()
        rows = tx.execute('SELECT "message" FROM "tabWebhook Alert"')
        tx.rollback()
        return [row[0] for row in rows]


@contextmanager
def opened_plant(path: Path) -> Iterator[Plant]:
    """Open the site with a provider of the test's own."""
    clock, provider = Clock(), FakeProvider()
    site = open_site(path, environ={}, clock=clock)
    try:
        found = replace(site.services.connections, http=provider, discovery=Discovery(provider))
        yield Plant(site=site, context=found, provider=provider, clock=clock)
    finally:
        site.close()


def make_documents(site: Site) -> None:
    """Make the user and the Connected App."""
    values: dict[str, dict[str, Any]] = {
        "User": {"email": USER, "first_name": "Asha"},
        "Connected App": {
            "provider_name": "The Provider",
            "client_id": "client",
            "client_secret": "secret/of+the client",
            "authorization_uri": "https://provider.test/auth",
            "token_uri": "https://provider.test/token",
            "revoke_uri": "https://provider.test/revoke",
            "userinfo_uri": "https://provider.test/me",
            "redirect_uri": "https://shop.test/cb",
            "scopes": [{"scope": "openid"}, {"scope": "calendar"}],
        },
    }
    tx = site.database.write()
    for doctype, given in values.items():
        record = building.new_record(site.documents, site.registry.get(doctype), given)
        if doctype == "Connected App":
            record["name"] = APP
            record.flags["name_set"] = True
        operations.insert(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)
    tx.commit()
