"""Looking for secrets wherever they may have come out: the database as text, logs, and every answer that anybody got."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

import requests

from tests.e2e.site import TIMEOUT_S, Client, ServedSite, run_command

_DOCTYPES = (
    "Connected App",
    "Error Log",
    "Integration Request",
    "Token Cache",
    "User",
    "Webhook",
    "Webhook Alert",
    "Webhook Delivery",
    "Webhook Request Log",
)
_PERSONS = frozenset({"location", "set-cookie"})
_answers: list[tuple[str, str]] = []
"""What clients were answered, by path, since the tests of this folder began."""


def record_answers(session: requests.Session) -> None:
    """Keep all that this client is answered from now on; where a redirect leads is the person's own affair."""

    def keep(answer: requests.Response, *args: object, **options: object) -> None:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _PERSONS}
        _answers.append((answer.request.path_url.partition("?")[0], f"{headers} {answer.text}"))

    session.hooks["response"].append(keep)


def find_secrets(site: ServedSite, admin: Client, secrets: Iterable[str]) -> list[str]:
    """Return where a secret stands in clear, as it is or as a part of a URL; a word on each place."""
    wanted = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    assert wanted, "there is nothing to look for"
    return [
        f"{place}: …{_around(text, form)}…" for place, text in _places(site, admin) for form in wanted if form in text
    ]


def _places(site: ServedSite, admin: Client) -> Iterator[tuple[str, str]]:
    for file in ("site.db", "connect.db"):
        if (site.path / file).exists():
            yield file, "\n".join(_dump(site, file))
    yield "the server's log", site.log
    yield from _answers
    for doctype in _DOCTYPES:
        rows = admin.get(f"/api/resource/{doctype}", params={"fields": json.dumps(["*"]), "limit_page_length": "0"})
        assert rows.status == 200, rows.text
        yield f"list of {doctype}", rows.text
        for row in rows.data:
            yield (
                f"{doctype} {row['name']}",
                admin.get(f"/api/resource/{doctype}/{quote(str(row['name']), safe='')}").text,
            )
    yield from _pages(site)
    yield "webhook export", run_command("webhook", "export", "--site", str(site.path)).stdout


def _pages(site: ServedSite) -> Iterator[tuple[str, str]]:
    """Yield what the Desk shows to Administrator: lists, forms, connections."""
    with requests.Session() as session:
        session.trust_env = False
        login = {"usr": "Administrator", "pwd": site.password}
        assert session.post(f"{site.url}/api/method/login", data=login, timeout=TIMEOUT_S).status_code == 200
        paths = ["/app", "/app/connections", "/app/connections?all=1"]
        for doctype in ("Connected App", "Token Cache", "Error Log", "Webhook Alert"):
            slug = doctype.lower().replace(" ", "-")
            names = session.get(f"{site.url}/api/resource/{doctype}", timeout=TIMEOUT_S).json()["data"]
            paths += [f"/app/{slug}", *(f"/app/{slug}/{quote(row['name'], safe='')}" for row in names[:3])]
        for path in paths:
            yield path, session.get(site.url + path, timeout=TIMEOUT_S).text


def _dump(site: ServedSite, file: str) -> Iterator[str]:
    connection = sqlite3.connect(site.path / file)
    try:
        yield from connection.iterdump()
    finally:
        connection.close()


def _around(text: str, secret: str) -> str:
    at = text.index(secret)
    return text[max(0, at - 60) : at] + "<here>"
