"""Authorisations under way: bound, counted, timed, and over once they are used."""

import base64
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from demitasse.app.retention import prune
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.connect import store
from demitasse.connect.authorising import LIFETIME_S, Callback, begin, finish
from demitasse.connect.errors import ConnectError, ConsentDenied, ForeignFlow, InvalidFlow, ProviderUnavailable
from demitasse.connect.model import Grant
from demitasse.connect.reading import find_grant
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations
from demitasse.documents import store as documents
from tests.unit.connect.plant import APP, USER, Plant, gives, reply


def start(plant: Plant, *, session: str = "s", user: str = USER) -> str:
    """Begin, and return the state."""
    with plant.calling() as caller:
        url = begin(
            plant.context,
            caller,
            app=APP,
            user=user,
            session=session,
            redirect_uri="https://own.test",
            success_uri="/x",
        )
    query = parse_qs(urlsplit(url).query)
    assert query["redirect_uri"] == ["https://shop.test/cb"]
    return query["state"][0]


def end(plant: Plant, state: str, *, session: str = "s", user: str = USER, **more: str | None) -> str:
    """Come back, and return where the person goes."""
    callback = Callback(**{"code": "code", "state": state, **more})
    with plant.calling() as caller:
        return finish(plant.context, caller, callback, user=user, session=session).success_uri


def flows(plant: Plant) -> int:
    tx = plant.site.database.read()
    count: int = tx.execute('SELECT count(*) FROM "connect_flow"')[0][0]
    tx.rollback()
    return count


def id_token(**claims: object) -> str:
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def test_a_flow_ends_in_a_grant_with_the_account_s_name(plant: Plant) -> None:
    state = start(plant)
    plant.provider.answers(gives("first", "r", scope="calendar"), reply(sub="7", email="asha@provider.test"))
    assert end(plant, state) == "/x"
    exchange = plant.provider.asked[0]
    assert (exchange.form["code"], exchange.form["redirect_uri"]) == ("code", "https://shop.test/cb")
    assert len(exchange.form["code_verifier"]) >= 43
    with plant.calling() as caller:
        grant = find_grant(plant.context, caller.tx, APP, USER)
    assert grant is not None
    assert (grant.account, grant.subject) == ("asha@provider.test", "7")
    assert (grant.asked, grant.granted) == (("openid", "calendar"), ("calendar",))
    assert flows(plant) == 0


def test_neither_the_state_nor_the_verifier_is_stored_in_clear(plant: Plant) -> None:
    state = start(plant)
    tx = plant.site.database.read()
    stored = str(tx.execute('SELECT * FROM "connect_flow"'))
    tx.rollback()
    assert state not in stored
    assert "verifier" not in stored


@pytest.mark.parametrize("seconds", [LIFETIME_S, LIFETIME_S + 1])
def test_ten_minutes_are_enough(plant: Plant, seconds: int) -> None:
    state = start(plant)
    plant.clock.advance(seconds)
    with pytest.raises(InvalidFlow, match="10 minutes"):
        end(plant, state)
    assert plant.provider.asked == []


@pytest.mark.parametrize(("session", "user"), [("another", USER), ("s", "ravi@shop.test"), ("", USER)])
def test_only_who_began_may_come_back(plant: Plant, session: str, user: str) -> None:
    state = start(plant)
    with pytest.raises(ForeignFlow):
        end(plant, state, session=session, user=user)
    with pytest.raises(InvalidFlow):
        end(plant, state)
    assert plant.provider.asked == []


def test_what_code_begins_outside_of_a_request_counts_in_any_session_of_the_user(plant: Plant) -> None:
    plant.provider.answers(gives("first", "r"))
    assert end(plant, start(plant, session=""), session="any") == "/x"
    with pytest.raises(ForeignFlow):
        end(plant, start(plant, session=""), session="any", user="ravi@shop.test")


@pytest.mark.parametrize("error", ["access_denied", "login_required", "server_error"])
def test_an_error_of_the_provider_is_told_and_nothing_is_exchanged(plant: Plant, error: str) -> None:
    with pytest.raises(ConsentDenied, match=error):
        end(plant, start(plant), code=None, error=error)
    assert plant.provider.asked == []


def test_a_callback_with_neither_code_nor_error_is_refused(plant: Plant) -> None:
    with pytest.raises(InvalidFlow, match="without a code"):
        end(plant, start(plant), code=None)


@pytest.mark.parametrize("issuer", ["https://evil.test", "nonsense"])
def test_another_issuer_is_refused(plant: Plant, issuer: str) -> None:
    with pytest.raises(ForeignFlow, match="another provider"):
        end(plant, start(plant), issuer=issuer)


def test_a_used_code_or_a_dead_provider_keeps_what_was_granted(plant: Plant) -> None:
    plant.grant("before")
    for answer, kind in ((reply(400, error="invalid_grant"), InvalidFlow), (reply(500), ProviderUnavailable)):
        state = start(plant)
        plant.provider.answers(answer)
        with pytest.raises(kind):
            end(plant, state)
    with plant.calling() as caller:
        grant = find_grant(plant.context, caller.tx, APP, USER)
    assert grant is not None
    assert grant.tokens.access_token == "before"


def test_the_openid_token_must_repeat_the_nonce(plant: Plant) -> None:
    state = start(plant)
    plant.provider.answers(gives("first", "r", id_token=id_token(sub="7", email="a@b.test", nonce="änother")))
    with pytest.raises(ForeignFlow, match="OpenID token"):
        end(plant, state)


def test_a_provider_that_does_not_say_who_it_is_keeps_nobody_from_connecting(plant: Plant) -> None:
    state = start(plant)
    plant.provider.answers(gives("first", "r", id_token="not.a token"), reply(500))
    assert end(plant, state) == "/x"


def test_so_many_flows_of_one_user_may_be_under_way_and_old_ones_are_swept(plant: Plant) -> None:
    states = []
    for _ in range(25):
        plant.clock.advance(1)
        states.append(start(plant))
    assert flows(plant) == 20
    with pytest.raises(InvalidFlow):
        end(plant, states[0])
    plant.clock.advance(LIFETIME_S + 1)
    prune(plant.site)
    assert flows(plant) == 0


@pytest.mark.parametrize(("has", "asks"), [("all", False), ("less", True), ("no refresh token", True), ("dead", True)])
def test_a_person_is_asked_again_where_the_grant_is_not_whole(plant: Plant, has: str, asks: bool) -> None:
    plant.write(lambda tx: _ask_for_offline(plant, tx))
    grant = plant.grant(
        refresh_token=None if has == "no refresh token" else "r",
        scopes=("openid",) if has == "less" else ("openid", "calendar"),
    )
    if has == "dead":
        plant.write(lambda tx: _mark(plant, tx, grant))
    with plant.calling() as caller:
        url = begin(plant.context, caller, app=APP, user=USER, session="s", redirect_uri="", success_uri="")
    assert ("prompt=consent" in url) is asks


def _ask_for_offline(plant: Plant, tx: Transaction) -> None:
    doctype = plant.site.registry.get("Connected App")
    record = documents.load(plant.site.documents, tx, doctype, APP)
    row = building.new_record(
        plant.site.documents, plant.site.registry.get("Query Parameters"), {"key": "access_type", "value": "offline"}
    )
    record["query_parameters"] = [row]
    operations.save(plant.site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)


def _mark(plant: Plant, tx: Transaction, grant: Grant) -> None:
    assert store.revoke(tx, grant, "refused", generation=2, now=plant.clock())


def test_an_app_that_is_not_ready_is_told_before_anybody_is_sent_away(plant: Plant) -> None:
    def empty(tx: Transaction) -> None:
        tx.run('UPDATE "tabConnected App" SET "client_id" = NULL')

    plant.write(empty)
    with plant.calling() as caller, pytest.raises(ConnectError, match="Client Id"):
        begin(plant.context, caller, app=APP, user=USER, session="s", redirect_uri="", success_uri="")
    assert flows(plant) == 0
