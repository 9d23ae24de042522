"""Opening, resuming and ending sessions."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from demitasse.auth.errors import WrongLogin
from demitasse.auth.operations import set_password
from demitasse.auth.sessions import store
from demitasse.auth.sessions.model import IDLE, LONGEST, Session
from demitasse.auth.sessions.operations import Sessions, open_session
from demitasse.auth.store import remove_credentials
from demitasse.auth.tables import CREDENTIAL_TABLES
from demitasse.db.schema import ColumnSpec, TableSpec, ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ASHA = "asha@x.de"


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
            table("tabUser", "name", "enabled", "full_name", "user_type"),
            table("tabHas Role", "name", "parent", "parenttype", "role"),
            table("tabRole", "name", "disabled"),
        ],
    )
    for name, enabled in ((ASHA, 1), ("gone@x.de", 0)):
        found.run('INSERT INTO "tabUser" VALUES (?, ?, ?, ?)', (name, enabled, "Asha Rao", "System User"))
    yield found
    found.rollback()
    database.close()


def resumed(tx: Transaction, sid: str, *, now: datetime = NOW) -> Session | None:
    return Sessions().resume(tx, sid, now=now)


def test_the_secret_opens_the_session_and_is_not_stored(tx: Transaction) -> None:
    sid, made = open_session(tx, ASHA, now=NOW)

    found = resumed(tx, sid)

    assert found == made
    assert found.actor.user == ASHA
    assert found.full_name == "Asha Rao"
    assert found.is_system_user
    assert sid not in repr(tx.execute('SELECT * FROM "session"'))
    assert resumed(tx, found.id) is None
    assert resumed(tx, "x" * 5_000) is None


def test_every_login_is_a_session_of_its_own(tx: Transaction) -> None:
    first, second = (open_session(tx, ASHA, now=NOW) for _ in range(2))

    assert first[0] != second[0]
    assert first[1].csrf_token != second[1].csrf_token
    assert not first[1].has_token(second[1].csrf_token)


def test_a_session_ends_when_it_is_not_used(tx: Transaction) -> None:
    sid, _ = open_session(tx, ASHA, now=NOW)

    assert resumed(tx, sid, now=NOW + IDLE - timedelta(seconds=1)) is not None
    assert resumed(tx, sid, now=NOW + IDLE) is None


def test_use_prolongs_a_session_but_not_for_ever(tx: Transaction) -> None:
    sid, session = open_session(tx, ASHA, now=NOW)
    now = NOW
    while now < NOW + LONGEST - timedelta(days=1):
        now += timedelta(days=1)
        assert session.should_be_noted(now)
        session = session.seen(now)
        store.note_seen(tx, session)
        assert resumed(tx, sid, now=now) == session

    assert resumed(tx, sid, now=NOW + LONGEST) is None


def test_what_is_remembered_ends_too(tx: Transaction) -> None:
    sessions = Sessions()
    sid, _ = open_session(tx, ASHA, now=NOW)
    sessions.resume(tx, sid, now=NOW)

    assert sessions.remembered(sid, now=NOW) is not None
    assert sessions.remembered(sid, now=NOW + IDLE) is None
    sessions.forget()
    assert sessions.remembered(sid, now=NOW) is None


def test_what_was_read_before_a_change_is_not_remembered_after_it(tx: Transaction) -> None:
    class Late(Sessions):
        """A change is told while the old state is being read."""

        def resume(self, tx: Transaction, sid: str, *, now: datetime) -> Session | None:
            tx.execute("SELECT 1")
            return super().resume(_Forgetting(tx, self), sid, now=now)  # type: ignore[arg-type] # it reads only

    sessions = Late()
    sid, _ = open_session(tx, ASHA, now=NOW)

    assert sessions.resume(tx, sid, now=NOW) is not None
    assert sessions.remembered(sid, now=NOW) is None


class _Forgetting:
    def __init__(self, tx: Transaction, sessions: Sessions) -> None:
        self.dialect = tx.dialect
        self._tx = tx
        self._sessions = sessions

    def execute(self, *arguments: object) -> object:
        self._sessions.forget()
        return self._tx.execute(*arguments)  # type: ignore[arg-type] # passed on


@pytest.mark.parametrize("user", ["gone@x.de", "who@x.de"])
def test_who_is_disabled_or_unknown_gets_no_session(tx: Transaction, user: str) -> None:
    with pytest.raises(WrongLogin):
        open_session(tx, user, now=NOW)


def test_a_new_password_ends_all_sessions_but_the_one_that_sets_it(tx: Transaction) -> None:
    here, session = open_session(tx, ASHA, now=NOW)
    there, _ = open_session(tx, ASHA, now=NOW)

    set_password(tx, ASHA, "a new password", keep_session=session.id)

    assert resumed(tx, here) is not None
    assert resumed(tx, there) is None
    set_password(tx, ASHA, "another password")
    assert resumed(tx, here) is None


def test_disabling_a_user_ends_the_sessions_for_good(tx: Transaction) -> None:
    sid, _ = open_session(tx, ASHA, now=NOW)
    store.remove_sessions_if_disabled(tx, ASHA)
    assert resumed(tx, sid) is not None

    tx.run('UPDATE "tabUser" SET "enabled" = 0')
    assert resumed(tx, sid) is None
    store.remove_sessions_if_disabled(tx, ASHA)
    tx.run('UPDATE "tabUser" SET "enabled" = 1')
    assert resumed(tx, sid) is None


def test_removed_credentials_take_the_sessions_with_them(tx: Transaction) -> None:
    sid, _ = open_session(tx, ASHA, now=NOW)
    remove_credentials(tx, ASHA)

    assert resumed(tx, sid) is None


def test_a_login_sweeps_out_what_has_ended(tx: Transaction) -> None:
    open_session(tx, ASHA, now=NOW)
    open_session(tx, ASHA, now=NOW + IDLE)

    assert len(tx.execute('SELECT 1 FROM "session"')) == 1
