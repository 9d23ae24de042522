"""HQ and an outlet: two real sites, each served by a process of its own, and the rules between them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.site import Client, MadeSite, ServedSite

SECRET = "what both sites sign their pushes with"
OWN = ("owner", "creation", "modified", "modified_by")
"""What each site says for itself; everything else of a document is the same on both."""
RUN = "frappe.integrations.sync_jobs.run"


class Pair:
    """Two served sites; each knows the other as a Remote Site."""

    def __init__(self, made: MadeSite, folder: Path, *, seeded: bool = False) -> None:
        self.hq, self.outlet = made.copy(folder / "hq"), made.copy(folder / "outlet")
        for site in (self.hq, self.outlet):
            if not seeded:
                with database(site) as found:
                    found.executescript('DELETE FROM "tabItem"; DELETE FROM "tabSales Order"; DELETE FROM "tabLead"')
            site.start()
        self.h, self.o = self.hq.client(), self.outlet.client()
        know(self.outlet, self.hq, name="HQ")
        know(self.hq, self.outlet, name="Outlet")

    def close(self) -> None:
        self.h.close()
        self.o.close()
        self.hq.close()
        self.outlet.close()

    def rule(self, name: str, doctype: str = "Item", *, at: Client | None = None, **asked: Any) -> str:
        """Make a rule at the outlet (or at HQ) and return its name."""
        client = at or self.o
        there = "Outlet" if client is self.h else "HQ"
        values = {"name": name, "remote_site": there, "document_type": doctype, **asked}
        answer = client.post("/api/resource/Sync Rule", values)
        assert answer.status == 200, answer.text
        return name

    def pull(self, rule: str, *, at: Client | None = None, reconcile: bool = False) -> Mapping[str, Any]:
        """Run a rule within a call and return what it did."""
        found: Mapping[str, Any] = (at or self.o).call(RUN, rule=rule, wait=1, reconcile=int(reconcile)).message
        return found

    def assert_equal(self, doctype: str, names: Iterable[str]) -> None:
        """Compare documents of both sites, field by field."""
        for name in names:
            assert shown(self.o, doctype, name) == shown(self.h, doctype, name), name


def know(site: ServedSite, other: ServedSite, *, name: str, **more: Any) -> None:
    """Make one site a Remote Site of another."""
    key, secret = other.authorization.removeprefix("token ").split(":")
    values = {"site_name": name, "site_url": other.url, "api_key": key, "api_secret": secret, "push_secret": SECRET}
    with site.client() as client:
        answer = client.post("/api/resource/Remote Site", {**values, **more})
        assert answer.status == 200, answer.text


def insert(client: Client, doctype: str, **values: Any) -> dict[str, Any]:
    """Insert a document and return it."""
    answer = client.post(f"/api/resource/{doctype}", values)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.data
    return found


def update(client: Client, doctype: str, name: str, **values: Any) -> dict[str, Any]:
    """Change a document and return it."""
    answer = client.put(f"/api/resource/{doctype}/{name}", values)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.data
    return found


def item(client: Client, code: str, **values: Any) -> dict[str, Any]:
    """Insert an Item."""
    return insert(client, "Item", item_code=code, **{"item_group": "Products", **values})


def get(client: Client, doctype: str, name: str) -> dict[str, Any] | None:
    """Return a document, or nothing where it is not there."""
    answer = client.get(f"/api/resource/{doctype}/{name}")
    assert answer.status in {200, 404}, answer.text
    return answer.data if answer.status == 200 else None


def shown(client: Client, doctype: str, name: str) -> dict[str, Any] | None:
    """Return what of a document must be the same on both sites."""
    found = get(client, doctype, name)
    return None if found is None else _without_own(found)


def _without_own(document: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in document.items() if key not in OWN}
    return {
        key: [_without_own(row) for row in value] if isinstance(value, list) else value for key, value in kept.items()
    }


def names(client: Client, doctype: str, **filters: Any) -> list[str]:
    """Return the names of documents, in order."""
    asked = {"filters": json.dumps(filters), "order_by": "name asc", "limit_page_length": 0}
    return [row["name"] for row in client.get(f"/api/resource/{doctype}", params=asked).data]


def rows(client: Client, doctype: str, **filters: Any) -> list[dict[str, Any]]:
    """Return documents with all their columns, the oldest first."""
    asked = {
        "filters": json.dumps(filters),
        "fields": '["*"]',
        "order_by": "creation asc",
        "limit_page_length": 0,
    }
    found: list[dict[str, Any]] = client.get(f"/api/resource/{doctype}", params=asked).data
    return found


@contextmanager
def database(site: ServedSite) -> Iterator[sqlite3.Connection]:
    """Open a site's file beside the process that serves it, for what no request could bring about."""
    with closing(sqlite3.connect(site.path / "site.db", timeout=20)) as connection:
        yield connection
        connection.commit()


def copy_rows(site: ServedSite, doctype: str, like: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows like one that is there, past the life of documents: their ``modified`` is what the test says."""
    with database(site) as found:
        cursor = found.execute(f'SELECT * FROM "tab{doctype}" WHERE name = ?', (like,))
        columns = [column[0] for column in cursor.description]
        pattern = dict(zip(columns, cursor.fetchone(), strict=True))
        marks = ", ".join("?" * len(columns))
        listed = ", ".join(f'"{column}"' for column in columns)
        values = [[{**pattern, **row}[column] for column in columns] for row in rows]
        found.executemany(f'INSERT INTO "tab{doctype}" ({listed}) VALUES ({marks})', values)


def execute(site: ServedSite, sql: str, *params: Any) -> None:
    """Run one statement on a site's file."""
    with database(site) as found:
        found.execute(sql, params)
