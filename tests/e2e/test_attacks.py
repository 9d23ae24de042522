"""What people of different roles, or of none, try to read, change and break; each is refused, and nothing leaks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.site import Answer, Client, ServedSite, make_site, run_command

USERS = ("payroll", "writer", "second.writer", "editor", "chief", "clerk", "approver", "director")


class People:
    """A client for each user of the site, by the part of the address before the @."""

    def __init__(self, site: ServedSite, keys: dict[str, str]) -> None:
        self.site = site
        self.admin = site.client()
        self.guest = site.guest()
        self._clients = {user: site.client(keys[user]) for user in USERS}

    def __getitem__(self, user: str) -> Client:
        return self._clients[user]

    def close(self) -> None:
        """Give all connections back."""
        for client in (self.admin, self.guest, *self._clients.values()):
            client.close()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    """A served site of the guarded app, with everybody who has a part in it."""
    path: Path = tmp_path_factory.mktemp("guarded") / "site"
    made = make_site(path, apps=["guarded"])
    keys = {}
    for user in USERS:
        said = run_command("generate-keys", f"{user}@example.com", "--site", str(path), "--json")
        assert said.returncode == 0, said.stderr
        found = json.loads(said.stdout)
        keys[user] = f"token {found['api_key']}:{found['api_secret']}"
    site = ServedSite(path, key=made.api_key, secret=made.api_secret, password=made.admin_password)
    try:
        everybody = People(site.start(), keys)
        yield everybody
        everybody.close()
    finally:
        site.close()


def diary(people: People, **values: Any) -> dict[str, Any]:
    """Return a new diary of Administrator's that holds something of every kind."""
    made: dict[str, Any] = people.admin.post(
        "/api/resource/Diary",
        {
            "title": "Monday",
            "token": "open-sesame",
            "rating": 5,
            "lines": [{"what": "beans", "cost": 77, "pin": "4711"}],
            "private_lines": [{"what": "bribe", "cost": 78, "pin": "4712"}],
            **values,
        },
    ).data
    return made


def test_the_fixture_lets_each_role_do_its_own_part(people: People) -> None:
    name = diary(people)["name"]
    assert people["editor"].get(f"/api/resource/Diary/{name}").status == 200
    assert people["writer"].get(f"/api/resource/Diary/{name}").status == 403
    assert people.guest.get(f"/api/resource/Diary/{name}").status == 403
