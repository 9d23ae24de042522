"""API keys: several for a user, each with its label, its end and its last use."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demitasse.auth.credentials import Authenticator
from demitasse.auth.errors import InvalidKey, NotAuthenticated
from demitasse.auth.keys import store
from demitasse.auth.keys.model import MOST_KEYS
from demitasse.auth.keys.operations import create_key, generate_keys
from demitasse.auth.tables import API_KEY, CREDENTIAL_TABLES
from demitasse.db.schema import ColumnSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
USER = "asha@x.de"


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


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
    users = table("tabUser", "name", "enabled")
    roles = (table("tabHas Role", "name", "parent", "parenttype", "role"), table("tabRole", "name", "disabled"))
    ensure_tables(found, [*CREDENTIAL_TABLES, users, *roles])
    found.run("""INSERT INTO "tabUser" VALUES ('asha@x.de', 1), ('beth@x.de', 1)""")
    yield found
    found.rollback()
    database.close()


def opens(authenticator: Authenticator, tx: Transaction, pair: tuple[str, str]) -> bool:
    header = f"token {pair[0]}:{pair[1]}"
    try:
        return authenticator.authenticate(tx, header).user == USER
    except NotAuthenticated:
        return False


def test_a_user_has_several_keys_and_each_opens(tx: Transaction) -> None:
    pairs = [create_key(tx, USER, label=label, now=NOW) for label in ("CI", "Laptop", "CI")]
    pairs.append(generate_keys(tx, USER, now=NOW))
    assert all(opens(Authenticator(), tx, pair) for pair in pairs)
    assert [key.label for key in store.keys_of(tx, USER, limit=10)].count("CI") == 2


def test_new_keys_without_a_label_leave_the_others_alone(tx: Transaction) -> None:
    labelled, first = create_key(tx, USER, label="CI", now=NOW), generate_keys(tx, USER, now=NOW)
    second = generate_keys(tx, USER, now=NOW)
    assert [opens(Authenticator(), tx, pair) for pair in (labelled, first, second)] == [True, False, True]


def test_only_the_secret_is_new_where_the_key_is_kept(tx: Transaction) -> None:
    first = generate_keys(tx, USER, now=NOW)
    second = generate_keys(tx, USER, now=NOW, keeps_key=True)
    assert first[0] == second[0]
    assert [opens(Authenticator(), tx, pair) for pair in (first, second)] == [False, True]


def test_a_key_is_worth_nothing_from_its_end_on_also_when_it_is_remembered(tx: Transaction) -> None:
    clock = Clock()
    authenticator = Authenticator(clock=clock)
    pair = create_key(tx, USER, label="Trial", now=NOW, expires_at=NOW + timedelta(hours=1))
    assert opens(authenticator, tx, pair)
    clock.now += timedelta(hours=1)
    with pytest.raises(NotAuthenticated, match="ended at 2026-03-01 13:00"):
        authenticator.remembered(f"token {pair[0]}:{pair[1]}")
    with pytest.raises(NotAuthenticated, match="wrong"):  # Who does not know the secret learns nothing of the end.
        authenticator.remembered(f"token {pair[0]}:other")


def test_a_revoked_key_is_worth_nothing(tx: Transaction) -> None:
    pair = create_key(tx, USER, label="CI", now=NOW)
    store.remove_key(tx, pair[0])
    assert not opens(Authenticator(), tx, pair)
    assert store.find_key(tx, pair[0]) is None


def test_uses_are_noted_once_a_minute_for_each_key(tx: Transaction) -> None:
    clock = Clock()
    authenticator = Authenticator(clock=clock)
    one, other = (create_key(tx, USER, label=label, now=NOW) for label in ("one", "other"))
    noted = []
    for _ in range(7):
        assert opens(authenticator, tx, one)
        authenticator.forget()  # What is noted outlives what is remembered.
        noted.append(dict(authenticator.take_uses()))
        clock.now += timedelta(seconds=20)
    assert opens(authenticator, tx, other)
    assert [list(uses) for uses in noted] == [[one[0]], [], [], [one[0]], [], [], [one[0]]]
    assert list(authenticator.take_uses()) == [other[0]]
    assert list(authenticator.take_uses()) == []
    store.note_uses(tx, noted[3])
    key = store.find_key(tx, one[0])
    assert key is not None
    assert key.last_used_at == NOW + timedelta(seconds=60)


def test_a_wrong_secret_is_no_use(tx: Transaction) -> None:
    authenticator = Authenticator(clock=Clock())
    pair = create_key(tx, USER, label="CI", now=NOW)
    assert not opens(authenticator, tx, (pair[0], "wrong"))
    assert not authenticator.take_uses()


@pytest.mark.parametrize(
    ("user", "label", "ends"),
    [(USER, "  ", None), (USER, "x" * 141, None), (USER, "CI", NOW), ("Guest", "CI", None)],
)
def test_what_makes_no_key_is_refused(tx: Transaction, user: str, label: str, ends: datetime | None) -> None:
    with pytest.raises(InvalidKey):
        create_key(tx, user, label=label, now=NOW, expires_at=ends)


def test_there_is_a_most_of_keys(tx: Transaction) -> None:
    for number in range(MOST_KEYS):
        create_key(tx, USER, label=f"key {number}", now=NOW)
    with pytest.raises(InvalidKey, match="revoke"):
        create_key(tx, USER, label="one more", now=NOW)
    create_key(tx, "beth@x.de", label="another's", now=NOW)


def test_keys_from_before_there_were_labels_go_on(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "old.db")
    tx = database.write()
    old = TableSpec(name=API_KEY.name, columns=API_KEY.columns[:4], primary_key=API_KEY.primary_key)
    ensure_tables(tx, [old])
    tx.run("INSERT INTO \"api_key\" VALUES ('k', 'asha@x.de', 'hash', '2026-01-01 00:00:00.000000')")
    assert len(ensure_tables(tx, [API_KEY])) == 4  # Three columns, and an index.
    key = store.find_key(tx, "k")
    assert key is not None
    assert (key.label, key.last_used_at, key.expires_at) == (None, None, None)
    tx.rollback()
    database.close()
