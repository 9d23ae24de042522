"""Connected App and Token Cache as documents: what is refused, what is computed, what code may call."""

from collections.abc import Iterator
from typing import Any

import pytest

from demitasse import frappe
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.documents.errors import DocumentError, InvalidFieldValue, LinkedElsewhere
from demitasse.frappe.context import Call, bound
from demitasse.frappe.integrations.doctype.token_cache.token_cache import TokenCache
from tests.unit.connect.plant import APP, USER, Plant


@pytest.fixture
def call(plant: Plant) -> Iterator[Call]:
    """A call that has nothing but the stored tokens."""
    tx = plant.site.database.write()
    found = Call(site=plant.site.services, tx=tx, actor=ADMINISTRATOR_ACTOR)
    try:
        with bound(found):
            yield found
    finally:
        tx.rollback()


def app(**values: Any) -> Any:
    return frappe.get_doc(
        {"doctype": "Connected App", "name": "Other", "provider_name": "Other", "client_id": "c", **values}
    )


def test_an_empty_redirect_uri_becomes_this_site_s_callback_and_stays(call: Call) -> None:
    made = app().insert(set_name="Größe 1")
    expected = "https://shop.test/api/method/frappe.integrations.doctype.connected_app.connected_app.callback/"
    assert made.redirect_uri == f"{expected}Gr%C3%B6%C3%9Fe%201"
    made.provider_name = "Changed"
    assert made.save().redirect_uri == f"{expected}Gr%C3%B6%C3%9Fe%201"


def test_revoke_uri_is_another_name_of_revocation_uri(call: Call) -> None:
    made = app(revoke_uri="https://provider.test/revoke").insert()
    assert made.revocation_uri == made.revoke_uri == "https://provider.test/revoke"


@pytest.mark.parametrize(
    "address", ["provider.test/token", "ftp://provider.test", "https://", "https://a b", "https://u:p@x"]
)
def test_what_is_no_address_is_refused(call: Call, address: str) -> None:
    with pytest.raises(InvalidFieldValue, match="Token URI"):
        app(token_uri=address).insert()


def test_an_app_with_connections_is_not_deleted_and_a_connection_takes_its_state_with_it(
    plant: Plant, call: Call
) -> None:
    call.tx.rollback()
    plant.grant()
    with pytest.raises(LinkedElsewhere):
        frappe.get_doc("Connected App", APP).delete()
    frappe.get_doc("Token Cache", {"user": USER}).delete()
    assert call.tx.execute('SELECT * FROM "connect_grant"') == []
    frappe.get_doc("Connected App", APP).delete()


def test_a_row_that_is_removed_past_its_document_takes_its_state_with_it(plant: Plant, call: Call) -> None:
    call.tx.rollback()
    plant.grant()
    frappe.db.delete("Token Cache", {"user": USER})
    assert call.tx.execute('SELECT * FROM "connect_grant"') == []


def test_code_reads_tokens_and_everything_else_a_mask(plant: Plant, call: Call) -> None:
    call.tx.rollback()
    plant.grant("the-access-token", "the-refresh-token")
    token = frappe.get_doc("Connected App", APP).get_active_token(USER)
    assert token.access_token == token.get_password("access_token") == "the-access-token"
    assert token.get_auth_header() == {"Authorization": "Bearer the-access-token"}
    assert token.get_json() == {
        "access_token": "the-access-token",
        "refresh_token": "the-refresh-token",
        "expires_in": 3600,
        "token_type": "Bearer",
    }
    assert (token.user, token.connected_app, token.owner, token.expires_in) == (USER, APP, USER, 3600)
    for shown in (
        token.as_dict(),
        token.as_json(),
        repr(token),
        str(dict(token)),
        frappe.get_all("Token Cache", fields=["*"]),
    ):
        assert "the-access-token" not in str(shown)
        assert "the-refresh-token" not in str(shown)
    with pytest.raises(DocumentError):
        frappe.get_doc({"doctype": "Token Cache", "connected_app": APP}).get_password("access_token")


def test_a_missing_token_is_false(plant: Plant, call: Call) -> None:
    found = frappe.get_doc("Connected App", APP)
    assert not found.get_active_token(USER)
    assert not found.get_token(USER)
    assert not found.get_token_cache(USER)
    empty = frappe.get_doc({"doctype": "Token Cache", "connected_app": APP, "user": USER})
    assert isinstance(empty, TokenCache)
    assert not empty


def test_code_may_keep_an_answer_of_its_own(plant: Plant, call: Call) -> None:
    made = frappe.get_doc({"doctype": "Token Cache", "connected_app": APP, "user": USER})
    assert isinstance(made, TokenCache)
    made.update_data({"access_token": "own", "refresh_token": "r", "expires_in": "60", "scope": "a b"})
    assert made.name == f"{APP}-{USER}"
    stored = frappe.get_doc("Token Cache", made.name)
    assert (stored.access_token, [row.scope for row in stored.scopes]) == ("own", ["a", "b"])
    assert (stored.get_expires_in(), stored.is_expired()) == (60, False)
    plant.clock.advance(61)
    assert (stored.get_expires_in(), stored.is_expired()) == (0, True)
    stored.update_data({"access_token": "next"})
    again = frappe.get_doc("Token Cache", made.name)
    assert (again.access_token, again.refresh_token, again.is_expired()) == ("next", "r", False)


def test_a_token_that_code_has_stored_counts_from_its_making(plant: Plant, call: Call) -> None:
    values = {"doctype": "Token Cache", "connected_app": APP, "user": USER, "access_token": "plain", "expires_in": 100}
    frappe.get_doc(values).insert()
    assert frappe.get_doc("Connected App", APP).get_active_token(USER).access_token == "plain"
    plant.clock.advance(100)
    stored = frappe.get_doc("Token Cache", {"user": USER})
    assert stored.is_expired()
    stored.db_set("token_type", "Bearer")  # A later change does not make it live longer.
    assert frappe.get_doc("Token Cache", {"user": USER}).is_expired()


def test_scopes_and_parameters_are_told(plant: Plant, call: Call) -> None:
    found = frappe.get_doc("Connected App", APP)
    assert found.get_scopes() == ["openid", "calendar"]
    assert found.get_query_params() == {}
    session = found.get_oauth2_session(init=True)
    assert (session.client_id, session.scope, session.redirect_uri) == (
        "client",
        "openid calendar",
        "https://shop.test/cb",
    )
