"""Calls into a real site, as the HTTP surface makes them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demitasse.app.site import Site, open_site
from demitasse.auth.model import ADMINISTRATOR_ACTOR, Actor
from demitasse.db.schema import ensure_tables
from demitasse.frappe.context import Call, IncomingRequest, bound
from demitasse.frappe.whitelisting import arguments_for
from demitasse.incoming.tables import INCOMING_TABLES
from demitasse.kernel import json

GUEST_ACTOR = Actor(user="Guest", roles=frozenset({"Guest", "All"}))
CONF = {"storefront_webhook_secret": "a shared secret", "old_secret": "the old secret"}


class TestClock:
    """A clock that only the test moves."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(slots=True)
class TestSite:
    """A site, and one call at a time into it."""

    __test__ = False

    site: Site
    clock: TestClock
    last: Call | None = field(default=None)

    def request(
        self,
        function: Callable[..., Any],
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        actor: Actor = GUEST_ACTOR,
        method: str = "POST",
    ) -> Any:
        """Call a function as a request does: commit what it wrote, or roll it back and raise."""
        arguments = json.decode(body) if body[:1] == b"{" else {}
        request = IncomingRequest(
            method=method,
            path="/api/method/app.api.function",
            headers={key.lower(): value for key, value in (headers or {}).items()},
            body=body,
            remote_address="192.0.2.7",
        )
        return self.run(lambda: function(**arguments_for(function, arguments)), actor, request, arguments)

    def run(
        self,
        work: Callable[[], Any],
        actor: Actor = ADMINISTRATOR_ACTOR,
        request: IncomingRequest | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run code in one call, then write what it left behind."""
        database = self.site.database
        tx = database.read() if request and request.method == "GET" else database.write()
        self.last = Call(site=self.site.services, tx=tx, actor=actor, request=request, arguments=dict(arguments or {}))
        try:
            with bound(self.last):
                result = work()
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        finally:
            if self.site.services.aftermath:
                after = database.write()
                self.site.services.aftermath.run(after)
                after.commit()
        return result

    def rows(self, doctype: str, *fields: str) -> list[Any]:
        """Return fields of all documents that are committed, in the order they were made."""
        tx = self.site.database.read()
        names = ", ".join(f'"{name}"' for name in fields)
        rows = tx.execute(f'SELECT {names} FROM "tab{doctype}" ORDER BY rowid')
        tx.rollback()
        return [row[0] for row in rows] if len(fields) == 1 else rows


@contextmanager
def opened_site(path: Path) -> Iterator[TestSite]:
    """Open a site with a clock of its own for as long as the block lasts."""
    clock = TestClock()
    opened = open_site(path, environ={}, clock=clock)
    try:
        tx = opened.database.write()
        ensure_tables(tx, INCOMING_TABLES)
        tx.commit()
        yield TestSite(site=opened, clock=clock)
    finally:
        opened.close()
