"""Tokens that are simply there: refreshed once for everybody, kept through every fault, never lost."""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.connect.conftest import LOGIN_CALLBACK, METHODS, SCOPES, Browser, Shop
from tests.e2e.connect.provider import CLIENT_SECRET
from tests.e2e.mailbox import Mailbox
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import rows, unique

ASHA, RAVI = "asha@shop.test", "ravi@shop.test"


@pytest.fixture(autouse=True)
def well_behaved(shop: Shop) -> Iterator[None]:
    """Let the provider behave well again after each test."""
    shop.provider.reset()
    yield
    shop.provider.reset()


def test_twenty_threads_and_two_processes_share_one_refresh(shop: Shop, tmp_path: Path) -> None:
    name = unique("Race")
    browser, old = shop.connect_briefly(ASHA, name)
    browsers = [shop.browser(ASHA) for _ in range(20)]
    folders = [tmp_path / "one", tmp_path / "two"]
    processes = [shop.execute("token_at_a_word", name=name, user=ASHA, folder=str(each)) for each in folders]
    wait_for("both processes", lambda: all((each / "up").exists() for each in folders), within_s=30)
    shop.provider.set(holds=True)
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(shop.call, each, "token", name=name) for each in browsers]
        for each in folders:
            (each / "go").touch()
        wait_for("both processes to ask", lambda: all((each / "asks").exists() for each in folders))
        wait_for("the first refresh", lambda: shop.provider.counted()["held"] == 1)
        shop.provider.set()
        answered = [each.result() for each in asked]
    said = [process.communicate(timeout=30) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    everybody = {*answered, *(json.loads(out) for out, _ in said)}

    assert shop.provider.refreshes() == 1
    assert len(everybody) == 1
    assert everybody != {old}
    assert {shop.call(browser, "token", name=name)} == everybody
    assert shop.status(browser, name)["last_refresh_at"]


def test_a_refreshed_token_outlives_the_rollback_of_who_asked(shop: Shop) -> None:
    name, role = unique("Rolled"), unique("Role")
    browser, old = shop.connect_briefly(RAVI, name)
    failed = _post(browser, "linked.api.write_then_token", name=name, role=role, fails=True)
    assert failed.status_code == 417
    assert "undone" in failed.text
    assert rows(shop.admin, "Role", name=role) == []
    new = shop.call(browser, "stored", name=name)
    assert (new != old, shop.call(browser, "token", name=name), shop.provider.refreshes()) == (True, new, 1)

    # And the next one works with the refresh token that came with it: it was rotated.
    done = _post(browser, "linked.api.write_then_token", name=name, role=role)
    assert done.json()["message"] == [new, new]
    assert len(rows(shop.admin, "Role", name=role)) == 1
    refreshed = shop.admin.call(f"{METHODS}.check_connection", name=name, user=RAVI).message
    assert refreshed["ok"], refreshed


def test_who_has_written_and_who_has_not_can_refresh_at_once(shop: Shop) -> None:
    """The one holds the write turn while it waits for the refresh that the other is making."""
    name = unique("Both")
    browser, old = shop.connect_briefly(ASHA, name)
    writer = shop.browser(ASHA)
    shop.provider.set(holds=True)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shop.call, browser, "token", name=name)
        wait_for("the refresh", lambda: shop.provider.counted()["held"] == 1)
        second = pool.submit(_post, writer, "linked.api.write_then_token", name=name, role=unique("Role"))
        wait_for("the writer's turn", lambda: _turn_is_taken(shop))
        shop.provider.set()
        new = first.result()
        assert second.result().json()["message"] == [new, new]
    assert (new != old, shop.provider.refreshes()) == (True, 1)


def test_nobody_waits_to_write_while_a_provider_is_slow(shop: Shop) -> None:
    name = unique("Slow")
    browser, old = shop.connect_briefly(ASHA, name)
    other = shop.browser(ASHA)
    shop.provider.set(holds=True)
    with ThreadPoolExecutor(2) as pool:
        # A POST, whose transaction has read and could write.
        posted = pool.submit(_post, browser, "linked.api.token", name=name)
        asked = pool.submit(other.get, "/api/method/linked.api.token", name=name)
        wait_for("the refresh", lambda: shop.provider.counted()["held"] == 1)
        began_s = time.monotonic()
        for _ in range(5):
            assert shop.admin.post("/api/resource/Role", {"role_name": unique("Role")}).status == 200
        assert time.monotonic() - began_s < 5
        answers = [posted.result(), asked.result()]
    assert [answer.status_code for answer in answers] == [502, 502]
    assert "did not answer in time" in answers[0].text
    status = shop.status(browser, name)
    assert (status["connected"], status["needs_reauthorise"]) == (True, False)
    assert "did not answer in time" in status["last_error"]
    assert shop.call(browser, "stored", name=name) == old


@pytest.mark.parametrize(
    "knobs", [{"status": 500}, {"status": 503}, {"status": 429}, {"garbage": True}, {"status": 302}]
)
def test_a_provider_that_is_down_keeps_the_grant(shop: Shop, knobs: dict[str, Any]) -> None:
    name = unique("Down")
    browser, old = shop.connect_briefly(RAVI, name)
    shop.provider.set(rotates=False, **knobs)
    answer = browser.get("/api/method/linked.api.token", name=name)
    assert (answer.status_code, answer.json()["exc_type"]) == (502, "ProviderUnavailableError")
    assert shop.call(browser, "stored", name=name) == old
    status = shop.status(browser, name)
    assert (status["connected"], status["needs_reauthorise"]) == (True, False)
    assert status["last_error"]
    assert status["last_error_at"]

    shop.provider.set()
    assert shop.call(browser, "token", name=name) != old
    assert shop.status(browser, name)["last_error"] is None


def test_a_wrong_client_secret_is_told_and_is_no_reason_to_authorise_again(shop: Shop) -> None:
    name = unique("Secret")
    browser, old = shop.connect_briefly(RAVI, name)
    shop.admin.put(f"/api/resource/Connected App/{name}", {"client_secret": "not-it"})
    answer = browser.get("/api/method/linked.api.token", name=name)
    assert answer.status_code == 417
    assert "Client Secret" in answer.text
    assert not shop.status(browser, name)["needs_reauthorise"]
    shop.admin.put(f"/api/resource/Connected App/{name}", {"client_secret": CLIENT_SECRET})
    assert shop.call(browser, "token", name=name) not in {None, old}


def test_a_revoked_grant_asks_to_authorise_again_and_alerts_once(open_shop: Callable[..., Shop]) -> None:
    with Mailbox() as mailbox:
        mail = {"MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(mailbox.port), "AUTO_EMAIL_ID": "site@shop.test"}
        shop = open_shop(**{f"DEMITASSE_{key}": value for key, value in mail.items()})
        name = unique("Revoked")
        browser, _ = shop.connect_briefly(ASHA, name)
        shop.provider.revoke_everything()
        assert shop.call(browser, "token", name=name) is None
        status = shop.status(browser, name)
        assert (status["connected"], status["needs_reauthorise"]) == (False, True)
        assert "invalid_grant" in status["last_error"]
        assert browser.get(f"/api/method/{METHODS}.has_token", connected_app=name).json()["message"] is False
        session = browser.get("/api/method/linked.api.fetch", name=name, url=shop.provider.issuer)
        assert (session.status_code, session.json()["exc_type"]) == (417, "NotConnectedError")
        assert f"{METHODS}.connect?name={name}" in session.text

        [alert] = rows(shop.admin, "Webhook Alert", kind="reauthorise_needed", connected_app=name)
        assert alert["user"] == ASHA
        assert "connect?name=" in alert["message"]
        [told] = mailbox.wait()
        assert told["To"] == ASHA
        assert name in told["Subject"]
        for _ in range(3):
            assert shop.call(browser, "token", name=name) is None
        assert len(rows(shop.admin, "Webhook Alert", kind="reauthorise_needed", connected_app=name)) == 1
        assert shop.provider.refreshes() == 1  # One was enough to know.

        shop.connect(ASHA, app=name)
        assert shop.call(browser, "token", name=name)
        status = shop.status(browser, name)
        assert (status["needs_reauthorise"], status["can_refresh"], status["last_error"]) == (False, True, None)


def test_an_answer_without_expires_in_is_used_and_shown_as_unknown(shop: Shop) -> None:
    name = unique("Unknown")
    shop.add_app(name)
    shop.provider.set(drop=["expires_in"])
    browser = shop.connect(ASHA, app=name)
    token = shop.call(browser, "token", name=name)
    assert token
    assert [shop.call(browser, "token", name=name) for _ in range(3)] == [token] * 3
    assert shop.provider.refreshes() == 0
    status = shop.status(browser, name)
    assert (status["expires_at"], status["connected"]) == (None, True)


def test_the_old_refresh_token_is_kept_where_no_new_one_comes(shop: Shop) -> None:
    name = unique("Kept")
    browser, old = shop.connect_briefly(ASHA, name)
    shop.provider.set(rotates=False, drop=["refresh_token"], expiresIn=1)
    before = shop.call(browser, "refresh_token", name=name)
    seen = {old}
    for count in (1, 2):
        new = shop.call(browser, "token", name=name)
        assert new not in seen
        seen.add(new)
        assert shop.call(browser, "refresh_token", name=name) == before
        assert shop.provider.refreshes() == count
        shop.end_token(browser, name)


def test_scopes_narrower_than_asked_are_told(shop: Shop) -> None:
    name = unique("Narrow")
    wanted = [*SCOPES, "calendar.admin"]  # The provider knows no such scope and leaves it out.
    shop.add_app(name, scopes=[{"scope": scope} for scope in wanted])
    shop.provider.set(expiresIn=1)
    browser = shop.connect(ASHA, app=name)
    status = shop.status(browser, name)
    assert (status["scopes_asked"], status["scopes_missing"]) == (wanted, ["calendar.admin"])
    assert sorted(status["scopes_granted"]) == sorted(SCOPES)
    assert status["connected"]

    shop.end_token(browser, name)
    shop.provider.set(scope="openid email")
    assert shop.call(browser, "token", name=name)
    status = shop.status(browser, name)
    assert status["scopes_granted"] == ["openid", "email"]
    assert status["scopes_missing"] == ["calendar", "calendar.admin"]


def test_a_state_that_took_too_long_is_refused(shop: Shop) -> None:
    name = unique("Late")
    shop.add_app(name)
    browser = shop.browser(ASHA)
    back = shop.person("asha").agree(shop.begin(browser, name))
    connection = sqlite3.connect(shop.site.path / "site.db", timeout=10)
    with connection:
        aged = connection.execute(
            "UPDATE connect_flow SET expires_at = expires_at - 601 WHERE app = ?", (name,)
        ).rowcount
    connection.close()
    assert aged == 1
    answer = browser.get(back)
    assert (answer.status_code, answer.json()["exc_type"]) == (400, "InvalidStateError")
    assert "10 minutes" in answer.text
    assert not shop.status(browser, name)["connected"]


def test_an_api_that_answers_401_once_brings_one_refresh_and_one_repetition(shop: Shop, receiver: Receiver) -> None:
    name = unique("Api")
    shop.add_app(name)
    browser = shop.connect(ASHA, app=name)
    answers = iter([Reply(status=401), Reply(body=b"yes"), Reply(body=b"again")])
    receiver.reply = lambda _: next(answers)
    fetched = shop.call(browser, "fetch", name=name, url=receiver.url("/events"))
    assert fetched == {"status": 200, "text": "yes"}
    first, second = receiver.arrived()
    assert first.headers["authorization"].startswith("Bearer ")
    assert first.headers["authorization"] != second.headers["authorization"]
    assert shop.provider.refreshes() == 1
    assert shop.call(browser, "fetch", name=name, url=receiver.url("/events"))["text"] == "again"
    assert shop.provider.refreshes() == 1


def test_an_api_that_always_answers_401_is_asked_twice(shop: Shop, receiver: Receiver) -> None:
    name = unique("Never")
    shop.add_app(name)
    browser = shop.connect(ASHA, app=name)
    receiver.reply = lambda _: Reply(status=401, body=b"no")
    assert shop.call(browser, "fetch", name=name, url=receiver.url("/events")) == {"status": 401, "text": "no"}
    assert (len(receiver.arrived()), shop.provider.refreshes()) == (2, 1)


def test_a_disconnection_is_told_to_the_provider_and_shows_where_that_failed(shop: Shop) -> None:
    name = unique("Gone")
    shop.add_app(name)
    browser = shop.connect(ASHA, app=name)
    done = _post(browser, f"{METHODS}.disconnect", name=name).json()["message"]
    assert done == {"disconnected": True, "revoked": True, "message": "Disconnected"}
    assert shop.provider.counted()["revocations"] == 1
    assert shop.call(browser, "token", name=name) is None
    assert rows(shop.admin, "Token Cache", connected_app=name) == []

    browser = shop.connect(ASHA, app=name)
    shop.provider.set(revocationStatus=503)
    done = _post(browser, f"{METHODS}.disconnect", name=name).json()["message"]
    assert (done["disconnected"], done["revoked"]) == (True, False)
    assert "503" in done["message"]
    assert shop.call(browser, "token", name=name) is None


def test_the_app_s_own_token_is_fetched_once_and_belongs_to_no_user(shop: Shop) -> None:
    name = unique("Own")
    shop.add_app(name, scopes=[])
    with ThreadPoolExecutor(5) as pool:
        clients = [shop.site.client() for _ in range(5)]
        tokens = {pool.submit(client.call, "linked.api.backend", name=name).result().message for client in clients}
        for client in clients:
            client.close()
    assert len(tokens) == 1
    assert shop.provider.counted()["token"]["client_credentials"] == 1
    [stored] = rows(shop.admin, "Token Cache", connected_app=name)
    assert not stored["user"]


def test_a_connection_can_be_tested(shop: Shop) -> None:
    name = unique("Tested")
    shop.add_app(name)
    browser = shop.connect(ASHA, app=name, login="asha-at-work")
    assert _check(browser, name) == {
        "ok": True,
        "connected_as": "asha-at-work@provider.test",
        "message": "The provider knows the user as asha-at-work@provider.test",
    }
    shop.provider.revoke_everything()
    assert not _check(browser, name)["ok"]
    assert shop.status(browser, name)["needs_reauthorise"]


def test_a_crash_loses_no_refreshed_token(open_shop: Callable[..., Shop]) -> None:
    """The server is killed while who asked has a transaction open: the token is rotated, and only the ledger has it."""
    shop = open_shop()
    name = unique("Crash")
    browser, old = shop.connect_briefly(ASHA, name)
    shop.provider.set(rotates=True)
    hanging = threading.Thread(target=_hang, args=(browser, name), daemon=True)
    hanging.start()
    wait_for("the refresh", lambda: shop.provider.refreshes() == 1)
    wait_for("the ledger", lambda: _pending(shop) == 1)
    shop.site.kill()
    hanging.join(20)
    shop.site.start()
    assert _pending(shop) == 0
    browser = shop.browser(ASHA)
    assert shop.call(browser, "token", name=name) not in {None, old}
    assert shop.provider.refreshes() == 1


def test_programs_and_documents_show_no_token(shop: Shop) -> None:
    name = unique("Shown")
    shop.add_app(name)
    browser = shop.connect(RAVI, app=name)
    shown = shop.call(browser, "shown", name=name)
    assert shown["same"] is True
    assert shown["document"]["access_token"] == shown["dict"]["access_token"] == "********"
    assert browser.get("/api/method/linked.api.fail_with_token", name=name).status_code == 500
    before = shop.call(browser, "token", name=name)
    assert _post(browser, "linked.api.save_token", name=name).json()["message"] == before
    token = _post(browser, f"{METHODS}.get_connections").json()
    assert CLIENT_SECRET not in json.dumps(token)
    by_user = browser.get(f"/api/v2/document/Connected App/{name}/method/get_user_token")
    assert by_user.json()["data"]["access_token"] == "********"
    refused = browser.get(LOGIN_CALLBACK, code="planted-code", state="planted-state", error_description=CLIENT_SECRET)
    assert refused.status_code == 400
    for filters in ([["access_token", "like", "%a%"]], [["refresh_token", "!=", ""]]):
        tried = shop.admin.get("/api/resource/Token Cache", params={"filters": json.dumps(filters)})
        assert tried.status in {403, 417}, tried.text


def test_in_developer_mode_stack_traces_hold_no_secret_either(open_shop: Callable[..., Shop]) -> None:
    """What comes out is searched when the shop closes, as in all tests here."""
    shop = open_shop(DEMITASSE_DEVELOPER_MODE="1")
    name = unique("Developer")
    browser, _ = shop.connect_briefly(ASHA, name)
    for knobs in ({"status": 500}, {"garbage": True, "rotates": False}):
        shop.provider.set(**knobs)
        answer = browser.get("/api/method/linked.api.token", name=name)
        assert answer.status_code == 502
        assert "Traceback" in answer.text
    shop.provider.set(rotates=False)
    failed = browser.get("/api/method/linked.api.fail_with_token", name=name)
    assert (failed.status_code, "Traceback" in failed.text) == (500, True)
    back = shop.person("asha").agree(shop.begin(browser, name))
    shop.admin.put(f"/api/resource/Connected App/{name}", {"client_secret": "wrong"})
    refused = browser.get(back)
    assert (refused.status_code, "Traceback" in refused.text) == (417, True)
    assert "Client Secret" in refused.text
    wait_for("the Error Log", lambda: rows(shop.admin, "Error Log", method="it failed"))


def _hang(browser: Browser, name: str) -> None:
    with contextlib.suppress(OSError):  # The server is killed, as the test wants it.
        _post(browser, "linked.api.write_and_hang", name=name, role=unique("Role"))


def _pending(shop: Shop) -> int:
    connection = sqlite3.connect(shop.site.path / "connect.db", timeout=10)
    try:
        count: int = connection.execute("SELECT count(*) FROM connect_refresh WHERE sealed IS NOT NULL").fetchone()[0]
    finally:
        connection.close()
    return count


def _turn_is_taken(shop: Shop) -> bool:
    """Return whether a transaction that has written is open on the site."""
    connection = sqlite3.connect(shop.site.path / "site.db", timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


def _check(browser: Browser, name: str) -> Any:
    return _post(browser, f"{METHODS}.check_connection", name=name).json()["message"]


def _post(browser: Browser, function: str, **arguments: Any) -> Any:
    token = browser.get("/api/method/frappe.sessions.get_csrf_token").json()["message"]
    return browser.session.post(
        f"{browser.url}/api/method/{function}",
        json=arguments,
        headers={"X-Frappe-CSRF-Token": token},
        timeout=30,
    )
