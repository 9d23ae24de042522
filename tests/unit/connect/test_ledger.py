"""The ledger: one lease at a time, over threads and processes, and nothing lost."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demitasse.connect.errors import ProviderUnavailable
from demitasse.connect.ledger import LEASE_S, Ledger, Pending
from demitasse.connect.model import Tokens
from demitasse.connect.tables import LEDGER_TABLES
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.vault.cipher import Vault, new_key
from tests.unit.connect.plant import START, Clock

TOKEN = "Provider-asha"
NEW = Tokens(
    access_token="an-access-token",
    refresh_token="a-refresh-token",
    expires_in=60.0,
    scopes=("a", "b"),
    issued_at=START,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_ledger(tmp_path: Path, clock: Clock) -> Iterator[Callable[[], Ledger]]:
    """Open the ledger as one more process does."""
    opened: list[SqliteDatabase] = []
    vault = Vault(new_key())

    def database() -> SqliteDatabase:
        found = SqliteDatabase(tmp_path / "connect.db")
        tx = found.write()
        ensure_tables(tx, LEDGER_TABLES)
        tx.commit()
        opened.append(found)
        return found

    yield lambda: Ledger(database, vault=vault, clock=clock)
    for each in opened:
        each.close()


def pending(generation: int = 2, tokens: Tokens = NEW) -> Pending:
    return Pending(grant_id="g", generation=generation, tokens=tokens)


def test_what_was_kept_is_found_by_other_processes_and_forgotten_once_settled(
    open_ledger: Callable[[], Ledger],
) -> None:
    one, other = open_ledger(), open_ledger()
    assert other.pending(TOKEN) is None
    with one.lease(TOKEN, wait_s=1) as lease:
        assert lease.keep(pending())
        assert lease.pending == pending()
    assert other.pending(TOKEN) == pending()
    assert other.waiting() == [TOKEN]
    other.settled(TOKEN, grant_id="g", generation=1)
    other.settled(TOKEN, grant_id="another", generation=9)
    assert one.pending(TOKEN) == pending()
    other.settled(TOKEN, grant_id="g", generation=2)
    assert one.pending(TOKEN) is None
    assert one.waiting() == []


def test_tokens_are_encrypted_and_bound_to_their_name(open_ledger: Callable[[], Ledger], tmp_path: Path) -> None:
    ledger = open_ledger()
    with ledger.lease(TOKEN, wait_s=1) as lease:
        lease.keep(pending())
    ledger.writing(lambda tx: tx.run('UPDATE "connect_refresh" SET "token" = ?', ("Provider-ravi",)))
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"an-access-token" not in stored
    assert b"a-refresh-token" not in stored
    with pytest.raises(Exception, match="cannot be read"):
        ledger.pending("Provider-ravi")


def test_a_second_process_waits_for_the_lease_and_gives_up_in_time(open_ledger: Callable[[], Ledger]) -> None:
    one, other = open_ledger(), open_ledger()
    with (
        one.lease(TOKEN, wait_s=1),
        pytest.raises(ProviderUnavailable, match="under way"),
        other.lease(TOKEN, wait_s=0.05),
    ):
        pass
    with other.lease(TOKEN, wait_s=1):
        pass


def test_a_second_thread_waits_in_line_and_finds_what_the_first_has_kept(open_ledger: Callable[[], Ledger]) -> None:
    ledger = open_ledger()
    found: list[Pending | None] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with ledger.lease(TOKEN, wait_s=10) as lease:
            found.append(lease.pending)

    thread = threading.Thread(target=second)
    with ledger.lease(TOKEN, wait_s=1) as lease:
        thread.start()
        entered.wait(10)
        lease.keep(pending())
    thread.join(10)
    assert found == [pending()]


def test_a_dead_process_holds_a_lease_for_so_long_and_cannot_write_afterwards(
    open_ledger: Callable[[], Ledger], clock: Clock
) -> None:
    one, other = open_ledger(), open_ledger()
    with one.lease(TOKEN, wait_s=1) as slow:
        clock.advance(LEASE_S + 1)
        with other.lease(TOKEN, wait_s=1) as quick:
            assert quick.keep(pending(3))
            # Who was taken for dead comes back: it neither overwrites nor ends what is not its own.
            assert not slow.keep(pending(2))
    assert one.pending(TOKEN) == pending(3)


def test_a_failure_is_told_to_those_who_wait_and_forgotten_with_the_next_success(
    open_ledger: Callable[[], Ledger], clock: Clock
) -> None:
    ledger = open_ledger()
    with ledger.lease(TOKEN, wait_s=1) as lease:
        assert lease.failure is None
        lease.note_failure("it is down", now=clock())
    with ledger.lease(TOKEN, wait_s=1) as lease:
        assert lease.failure is not None
        assert (lease.failure.message, lease.failure.at) == ("it is down", START)
        lease.keep(pending())
    with ledger.lease(TOKEN, wait_s=1) as lease:
        assert lease.failure is None
