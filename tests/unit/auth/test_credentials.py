"""From an Authorization header to an actor."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from demitasse.auth.credentials import Authenticator
from demitasse.auth.errors import NotAuthenticated
from demitasse.auth.keys.operations import generate_keys
from demitasse.auth.model import GUEST, Actor, Reach, reach
from demitasse.auth.operations import check_password, set_password
from demitasse.auth.tables import CREDENTIAL_TABLES
from demitasse.db.schema import ColumnSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage
from demitasse.doctypes.parse import parse_doctype

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def table(name: str, *columns: str) -> TableSpec:
    return TableSpec(
        name=name,
        columns=tuple(ColumnSpec(name=column, storage=Storage.SHORT_TEXT) for column in columns),
        primary_key=(columns[0],),
    )


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Transaction]:
    database = SqliteDatabase(tmp_path / "site.db")
    found = database.write()
    ensure_tables(
        found,
        [
            *CREDENTIAL_TABLES,
            table("tabUser", "name", "enabled"),
            table("tabHas Role", "name", "parent", "parenttype", "role"),
            table("tabRole", "name", "disabled"),
        ],
    )
    found.run("""INSERT INTO "tabUser" VALUES ('asha@x.de', 1), ('gone@x.de', 0)""")
    found.run("""INSERT INTO "tabRole" VALUES ('Sales', 0), ('Retired', 1)""")
    found.run(
        """INSERT INTO "tabHas Role" VALUES ('r', 'asha@x.de', 'User', 'Sales'), ('s', 'asha@x.de', 'User', 'Retired')"""
    )
    yield found
    found.rollback()
    database.close()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_key_and_secret_make_the_user_with_its_roles(tx: Transaction) -> None:
    key, secret = generate_keys(tx, "asha@x.de", now=NOW)
    authenticator = Authenticator()

    for header in (
        f"token {key}:{secret}",
        f"TOKEN {key}:{secret}",
        basic(f"{key}:{secret}"),
        f"Bearer {key}:{secret}",
    ):
        actor = authenticator.authenticate(tx, header)
        assert (actor.user, actor.roles) == ("asha@x.de", frozenset({"Sales", "All", "Guest"}))


@pytest.mark.parametrize("header", [None, "", "token", "token a b"])
def test_who_shows_nothing_is_guest(tx: Transaction, header: str | None) -> None:
    assert Authenticator().authenticate(tx, header).user == GUEST


@pytest.mark.parametrize(
    "header", ["token abc", "token a:b", "token :", "Foo bar", "Basic !!!", basic("nocolon"), "Bearer x"]
)
def test_wrong_or_malformed_credentials_are_refused(tx: Transaction, header: str) -> None:
    with pytest.raises(NotAuthenticated):
        Authenticator().authenticate(tx, header)


def test_a_wrong_secret_is_refused_also_when_the_key_is_remembered(tx: Transaction) -> None:
    key, secret = generate_keys(tx, "asha@x.de", now=NOW)
    authenticator = Authenticator()
    authenticator.authenticate(tx, f"token {key}:{secret}")

    with pytest.raises(NotAuthenticated):
        authenticator.remembered(f"token {key}:wrong")


def test_new_keys_end_the_old_ones_once_they_are_forgotten(tx: Transaction) -> None:
    key, secret = generate_keys(tx, "asha@x.de", now=NOW)
    authenticator = Authenticator()
    authenticator.authenticate(tx, f"token {key}:{secret}")
    generate_keys(tx, "asha@x.de", now=NOW)
    authenticator.forget()

    with pytest.raises(NotAuthenticated):
        authenticator.authenticate(tx, f"token {key}:{secret}")


def test_a_disabled_user_s_key_is_worth_nothing(tx: Transaction) -> None:
    key, secret = generate_keys(tx, "gone@x.de", now=NOW)

    with pytest.raises(NotAuthenticated):
        Authenticator().authenticate(tx, f"token {key}:{secret}")


def test_secrets_and_passwords_are_not_stored(tx: Transaction) -> None:
    _, secret = generate_keys(tx, "asha@x.de", now=NOW)
    set_password(tx, "asha@x.de", "hunter2")
    stored = repr(tx.execute('SELECT * FROM "api_key"') + tx.execute('SELECT * FROM "user_password"'))

    assert secret not in stored
    assert "hunter2" not in stored
    assert [check_password(tx, *pair) for pair in (("asha@x.de", "hunter2"), ("asha@x.de", "x"), ("who@x.de", "x"))] == [
        True, False, False,
    ]  # fmt: skip


def test_roles_reach_all_own_or_no_documents() -> None:
    note = parse_doctype(
        {
            "name": "Note",
            "fields": [],
            "permissions": [{"role": "All", "read": 1, "if_owner": 1}, {"role": "Boss", "read": 1}],
        },
        app="test",
    )
    reaches = [
        reach(note, action, Actor(user="u", roles=frozenset(roles)))
        for action, roles in (("read", {"Boss", "All"}), ("read", {"All"}), ("write", {"Boss"}), ("read", set[str]()))
    ]

    assert reaches == [Reach.ALL, Reach.OWN, Reach.NONE, Reach.NONE]
