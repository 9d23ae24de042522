"""Several API keys for a user: made, used and ended over HTTP by whom they belong to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.site import Answer, Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique

METHODS = "frappe.core.doctype.user.api_keys"


def call(client: Client, method: str, **arguments: object) -> Answer:
    return client.call(f"{METHODS}.{method}", **arguments)


def authorization(made: dict[str, str]) -> str:
    return f"token {made['api_key']}:{made['api_secret']}"


def who(site: ServedSite, made: dict[str, str]) -> int | str:
    with site.client(authorization(made)) as client:
        answer = client.get("/api/method/frappe.auth.get_logged_user")
    return answer.message if answer.status == 200 else answer.status


def add_user(admin: Client, *roles: str) -> str:
    values = {"email": f"{unique('user')}@shop.test", "first_name": "U", "roles": [{"role": role} for role in roles]}
    answer = admin.post("/api/resource/User", values)
    assert answer.status == 200, answer.text
    name: str = answer.data["name"]
    return name


@pytest.fixture
def asha(admin: Client) -> str:
    return add_user(admin)


@pytest.fixture
def as_asha(site: ServedSite, admin: Client, asha: str) -> Iterator[Client]:
    made = call(admin, "create", label="First", user=asha).message
    with site.client(authorization(made)) as client:
        yield client


@pytest.fixture
def as_manager(site: ServedSite, admin: Client) -> Iterator[Client]:
    made = call(admin, "create", label="First", user=add_user(admin, "System Manager")).message
    with site.client(authorization(made)) as client:
        yield client


def keys(client: Client, **arguments: Any) -> dict[str, dict[str, Any]]:
    return {key["label"]: key for key in call(client, "find", **arguments).message}


def test_users_make_and_end_keys_of_their_own(site: ServedSite, as_asha: Client, asha: str) -> None:
    made = call(as_asha, "create", label="  The\tlaptop ").message
    assert who(site, made) == asha
    listed = call(as_asha, "find")
    assert made["api_secret"] not in listed.text
    assert {key["label"] for key in listed.message} == {"First", "The laptop"}
    assert call(as_asha, "revoke", api_key=made["api_key"]).message["revoked"] == made["api_key"]
    assert who(site, made) == 401
    assert set(keys(as_asha)) == {"First"}
    assert call(as_asha, "revoke", api_key=made["api_key"]).status == 404


def test_the_last_use_of_a_key_is_shown(site: ServedSite, as_asha: Client, asha: str) -> None:
    made = call(as_asha, "create", label="Used").message
    assert keys(as_asha)["Used"]["last_used_at"] is None
    assert who(site, made) == asha
    wait_for("a last use", lambda: keys(as_asha)["Used"]["last_used_at"])


def test_a_key_ends_when_it_should(as_asha: Client) -> None:
    answer = call(as_asha, "create", label="Late", expires_at="2020-01-01 00:00:00")
    assert (answer.status, "later time" in answer.text) == (417, True)
    call(as_asha, "create", label="Soon", expires_at="2090-01-01 00:00:00")
    assert keys(as_asha)["Soon"]["expires_at"] == "2090-01-01 00:00:00.000000"
    assert keys(as_asha)["Soon"]["has_expired"] is False


def test_keys_of_others_are_hidden_from_users(as_asha: Client, admin: Client) -> None:
    other = add_user(admin)
    theirs = call(admin, "create", label="Theirs", user=other).message
    for user in (other, "Administrator", "*", "nobody@shop.test"):
        assert call(as_asha, "find", user=user).status == 403
    for user in (other, "Administrator"):
        assert call(as_asha, "create", label="Mine?", user=user).status == 403
    assert call(as_asha, "revoke", api_key=theirs["api_key"]).status == 404


def test_system_managers_manage_keys_of_others_but_not_administrators(
    site: ServedSite, as_manager: Client, admin: Client, asha: str
) -> None:
    made = call(as_manager, "create", label="For Asha", user=asha).message
    assert who(site, made) == asha
    assert made["api_key"] in {key["api_key"] for key in call(as_manager, "find", user="*").message}
    call(admin, "create", label="Root")
    assert "Administrator" not in {key["user"] for key in call(as_manager, "find", user="*").message}
    assert call(as_manager, "create", label="Root?", user="Administrator").status == 403
    call(as_manager, "revoke", api_key=made["api_key"])
    assert who(site, made) == 401


def test_guests_have_no_keys(guest: Client, admin: Client) -> None:
    assert call(guest, "find").status == 403
    assert call(guest, "create", label="Free").status == 403
    assert call(admin, "create", label="Free", user="Guest").status == 417
    assert call(admin, "create", label="Free", user="nobody@shop.test").status == 404


def test_frappes_generate_keys_gives_a_new_secret_to_the_same_key(site: ServedSite, admin: Client, asha: str) -> None:
    labelled = call(admin, "create", label="CI", user=asha).message
    first = admin.call("frappe.core.doctype.user.user.generate_keys", user=asha).message
    second = admin.call("frappe.core.doctype.user.user.generate_keys", user=asha).message
    assert first["api_key"] == second["api_key"] == admin.get(f"/api/resource/User/{asha}").data["api_key"]
    assert [who(site, made) for made in (labelled, first, second)] == [asha, 401, asha]
    call(admin, "revoke", api_key=second["api_key"])
    assert admin.get(f"/api/resource/User/{asha}").data.get("api_key") is None
