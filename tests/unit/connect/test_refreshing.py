"""Refreshing: what is asked, what is kept, who is told; without a socket, and on a clock that the test moves."""

import threading
import time

import pytest

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.connect import store
from demitasse.connect.errors import Misconfigured, ProviderUnavailable
from demitasse.connect.keeping import settle, settle_all
from demitasse.connect.ledger import Pending
from demitasse.connect.model import Grant, GrantState, Tokens
from demitasse.connect.reading import find_grant
from demitasse.connect.refreshing import active_grant, refreshed
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations
from tests.unit.connect.plant import APP, USER, Plant, gives, reply


def token(plant: Plant, *, writes: bool = False) -> str | None:
    with plant.calling(writes=writes) as caller:
        found = active_grant(plant.context, caller, APP, USER)
    return None if found is None else found.tokens.access_token


def test_who_has_not_connected_has_no_token(plant: Plant) -> None:
    assert token(plant) is None
    assert plant.provider.asked == []


def test_a_good_token_asks_nobody(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600 - 61)
    assert token(plant) == "first"
    assert plant.provider.asked == []


def test_a_token_is_replaced_a_minute_before_its_end(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600 - 60)
    plant.provider.answers(gives("second", "refresh-2"))
    assert [token(plant), token(plant)] == ["second", "second"]
    assert [each.form["refresh_token"] for each in plant.provider.asked] == ["refresh-1"]
    plant.clock.advance(3600)
    plant.provider.answers(gives("third", "refresh-3"))
    assert token(plant) == "third"
    assert plant.provider.asked[-1].form["refresh_token"] == "refresh-2"
    assert plant.column("generation") == 3


def test_a_provider_that_is_down_leaves_a_token_that_still_lives(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600 - 30)
    plant.provider.answers(ProviderUnavailable("down"))
    assert token(plant) == "first"
    assert plant.column("error") == "down"
    plant.clock.advance(31)
    with pytest.raises(ProviderUnavailable, match="down"):
        token(plant)
    plant.provider.answers(reply(401, error="invalid_client"))
    with pytest.raises(Misconfigured):
        token(plant)
    assert (plant.column("state"), plant.alerts()) == (GrantState.USABLE, [])


def test_a_refused_grant_is_marked_and_told_once(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600)
    plant.provider.answers(reply(400, error="invalid_grant", error_description="revoked"))
    assert [token(plant), token(plant)] == [None, None]
    assert len(plant.provider.asked) == 1
    [alert] = plant.alerts()
    assert alert.startswith(f"{USER} has to connect {APP} again, at https://shop.test/api/method/")
    assert "revoked" in alert


def test_a_token_without_a_refresh_token_is_used_to_its_end_and_then_told(plant: Plant) -> None:
    plant.grant(refresh_token=None)
    plant.clock.advance(3599)
    assert token(plant) == "first"
    plant.clock.advance(1)
    assert token(plant) is None
    assert plant.provider.asked == []
    assert "no refresh token" in plant.alerts()[0]


def test_a_call_that_has_written_gets_its_token_and_the_document_follows(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600)
    plant.provider.answers(gives("second", "refresh-2"))
    with plant.calling(writes=True) as caller:
        found = active_grant(plant.context, caller, APP, USER)
        again = active_grant(plant.context, caller, APP, USER)
        assert found is not None
        assert again is not None
        assert found.tokens.access_token == again.tokens.access_token == "second"
        stored = find_grant(plant.context, caller.tx, APP, USER)
        assert stored is not None
        assert stored.tokens.access_token == "first"
    # It was rolled back, and yet others have the new token at once, from the ledger.
    assert len(plant.provider.asked) == 1
    assert token(plant) == "second"
    assert len(plant.provider.asked) == 1
    plant.finish_later()
    assert plant.context.ledger.waiting() == []
    assert plant.column("generation") == 2


def test_a_refused_grant_is_marked_after_a_call_that_has_written(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600)
    plant.provider.answers(reply(400, error="invalid_grant"))
    assert token(plant, writes=True) is None
    assert plant.alerts() == []
    assert token(plant, writes=True) is None
    assert len(plant.provider.asked) == 1  # The ledger knows.
    plant.finish_later()
    assert len(plant.alerts()) == 1
    assert plant.column("state") == GrantState.REVOKED


def test_what_a_crash_left_in_the_ledger_is_used_and_written(plant: Plant) -> None:
    grant = plant.grant()
    with plant.context.ledger.lease(grant.name, wait_s=1) as lease:
        lease.keep(Pending(grant_id=grant.grant_id, generation=2, tokens=_tokens(plant, "second")))
    plant.clock.advance(3599)
    assert token(plant) == "second"  # The stored one is stale; the ledger has a better one.
    assert plant.provider.asked == []
    assert (plant.column("generation"), plant.context.ledger.waiting()) == (2, [])


def test_a_start_writes_what_waits(plant: Plant) -> None:
    grant = plant.grant()
    with plant.context.ledger.lease(grant.name, wait_s=1) as lease:
        lease.keep(Pending(grant_id=grant.grant_id, generation=2, tokens=_tokens(plant, "second", scopes=("less",))))
    plant.write(lambda tx: settle_all(plant.context, tx))
    assert plant.context.ledger.waiting() == []
    with plant.calling() as caller:
        stored = find_grant(plant.context, caller.tx, APP, USER)
    assert stored is not None
    assert (stored.tokens.access_token, stored.granted) == ("second", ("less",))


def test_nothing_of_an_earlier_grant_comes_into_a_later_one(plant: Plant) -> None:
    old = plant.grant("old")
    with plant.context.ledger.lease(old.name, wait_s=1) as lease:
        lease.keep(Pending(grant_id=old.grant_id, generation=7, tokens=_tokens(plant, "old-but-refreshed")))
    plant.grant("new")
    with plant.context.ledger.lease(old.name, wait_s=1) as lease:
        lease.keep(Pending(grant_id=old.grant_id, generation=8, tokens=_tokens(plant, "late")))
    plant.write(lambda tx: settle(plant.context, tx, old.name))
    assert token(plant) == "new"
    assert plant.context.ledger.waiting() == []


def test_a_refresh_that_is_refused_reads_once_more_before_it_gives_up(plant: Plant) -> None:
    """The user connects again while the old refresh token is being refused."""
    grant = plant.grant()
    plant.clock.advance(3600)

    def refuse(*_: object, **__: object) -> object:
        plant.grant("reconnected", "refresh-9")
        return reply(400, error="invalid_grant")

    plant.provider.send = refuse  # type: ignore[method-assign,assignment] # the moment matters
    with plant.calling() as caller:
        found = refreshed(plant.context, caller, grant)
    assert found is not None
    assert found.tokens.access_token == "reconnected"
    assert plant.alerts() == []


def test_a_token_that_was_refused_where_it_was_used_is_replaced_before_its_end(plant: Plant) -> None:
    grant = plant.grant()
    plant.provider.answers(gives("second", "refresh-2"))
    for _ in range(2):  # Two requests were refused with the same token: one refresh is enough.
        with plant.calling() as caller:
            found = refreshed(plant.context, caller, grant, is_rejected=True)
        assert found is not None
        assert found.tokens.access_token == "second"
    assert len(plant.provider.asked) == 1


def test_a_token_that_was_refused_is_not_given_again_where_no_other_comes(plant: Plant) -> None:
    grant = plant.grant()
    plant.provider.answers(ProviderUnavailable("down"))
    with plant.calling() as caller, pytest.raises(ProviderUnavailable):
        refreshed(plant.context, caller, grant, is_rejected=True)


def test_those_who_waited_for_a_refresh_that_failed_do_not_ask_again(plant: Plant) -> None:
    plant.grant()
    plant.clock.advance(3600)
    asking, go_on = threading.Event(), threading.Event()
    errors: list[str] = []
    no_answer = ProviderUnavailable("no answer")

    def hang(*_: object, **__: object) -> object:
        plant.provider.asked.append(None)  # type: ignore[arg-type] # only counted
        asking.set()
        go_on.wait(10)
        plant.clock.advance(1)
        raise no_answer

    def ask() -> None:
        try:
            token(plant)
        except ProviderUnavailable as error:
            errors.append(error.message)

    plant.provider.send = hang  # type: ignore[method-assign,assignment] # it must be waited for
    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    asking.wait(10)
    waiting = plant.context.ledger._in_use
    while next(iter(waiting.values())).count < 5:
        threading.Event().wait(0.005)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert errors == ["no answer"] * 5
    assert len(plant.provider.asked) == 1


def test_a_refresh_without_news_of_scopes_or_refresh_token_keeps_them(plant: Plant) -> None:
    plant.grant(scopes=("calendar", "email"))
    plant.clock.advance(3600)
    plant.provider.answers(gives("second"))
    assert token(plant) == "second"
    with plant.calling() as caller:
        stored = find_grant(plant.context, caller.tx, APP, USER)
    assert stored is not None
    assert (stored.tokens.refresh_token, stored.granted) == ("refresh-1", ("calendar", "email"))


def test_a_refresh_token_is_kept_for_the_same_account_and_for_no_other(plant: Plant) -> None:
    plant.grant("a", "of-asha", subject="1")
    assert plant.grant("b", None, subject="1").tokens.refresh_token == "of-asha"
    assert plant.grant("c", None, subject="2").tokens.refresh_token is None
    dead = plant.grant("x", "dead", subject="1")
    plant.write(lambda tx: _mark(plant, tx, dead))
    assert plant.grant("y", None, subject="1").tokens.refresh_token is None
    plant.grant("d", "of-nobody")
    assert plant.grant("e", None).tokens.refresh_token is None


def test_old_failures_do_not_come_over_newer_successes(plant: Plant) -> None:
    grant = plant.grant()
    plant.clock.advance(3600)
    plant.provider.answers(gives("second", "refresh-2"))
    token(plant)
    plant.write(lambda tx: store.note_failure(tx, grant, "late", now=plant.clock()))
    revoked: list[bool] = []
    plant.write(lambda tx: revoked.append(store.revoke(tx, grant, "late", generation=2, now=plant.clock())))
    assert (plant.column("error"), plant.column("state"), revoked) == (None, GrantState.USABLE, [False])


def _mark(plant: Plant, tx: Transaction, grant: Grant) -> None:
    assert store.revoke(tx, grant, "refused", generation=2, now=plant.clock())


def _tokens(plant: Plant, access_token: str, scopes: tuple[str, ...] | None = None) -> Tokens:
    return Tokens(
        access_token=access_token, refresh_token="r", expires_in=7200.0, scopes=scopes, issued_at=plant.clock()
    )


def test_nobody_who_holds_a_lease_waits_for_the_transaction_of_who_waits_for_it(plant: Plant) -> None:
    """One call has written and asks for the token that another one is finding refused."""
    plant.grant()
    plant.clock.advance(3600)
    asking, go_on = threading.Event(), threading.Event()
    found: list[str | None] = []

    def refuse(*_: object, **__: object) -> object:
        asking.set()
        go_on.wait(10)
        return reply(400, error="invalid_grant")

    plant.provider.send = refuse  # type: ignore[method-assign,assignment] # it must be waited for
    first = threading.Thread(target=lambda: found.append(token(plant)))
    second = threading.Thread(target=lambda: found.append(token(plant, writes=True)))
    first.start()
    asking.wait(10)
    second.start()
    while not plant.site.database.turn.is_held:
        threading.Event().wait(0.005)
    began_s = time.monotonic()
    go_on.set()
    first.join(20)
    second.join(20)
    assert found == [None, None]
    assert time.monotonic() - began_s < 5
    plant.finish_later()
    assert len(plant.alerts()) == 1


def test_a_document_that_code_has_made_is_refreshed_too(plant: Plant) -> None:
    def make(tx: Transaction) -> None:
        record = building.new_record(
            plant.site.documents,
            plant.site.registry.get("Token Cache"),
            {"connected_app": APP, "user": USER, "access_token": "own", "refresh_token": "own-r", "expires_in": 60},
        )
        operations.insert(plant.site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)

    plant.write(make)
    assert token(plant) == "own"
    plant.clock.advance(60)
    plant.provider.answers(gives("second", "r-2"))
    assert token(plant) == "second"
    plant.clock.advance(3600)
    plant.provider.answers(gives("third", "r-3"))
    assert token(plant) == "third"
    assert [each.form["refresh_token"] for each in plant.provider.asked] == ["own-r", "r-2"]
