"""Connected Apps and grants, read from their documents."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from demitasse.connect import store
from demitasse.connect.context import ConnectContext
from demitasse.connect.errors import Misconfigured
from demitasse.connect.ledger import Pending
from demitasse.connect.model import AppSettings, Endpoints, Grant, GrantState, Tokens, split_scopes
from demitasse.db.transaction import Transaction
from demitasse.documents import store as documents
from demitasse.documents.model import Record

CONNECTED_APP = "Connected App"
TOKEN_CACHE = "Token Cache"  # noqa: S105 - a DocType
_NO_GRANT = ""


def load_app(context: ConnectContext, tx: Transaction, name: str) -> AppSettings:
    """Return a Connected App, ready to be used.

    Raises:
        DocumentNotFound: there is none of this name.
        Misconfigured: it has no client id.
        MissingSecret: it refers to something that is not there.
    """
    doctype = context.documents.registry.get(CONNECTED_APP)
    record = documents.load(context.documents, tx, doctype, name)
    client_id = (record["client_id"] or "").strip()
    if not client_id:
        message = f"Connected App {name} has no Client Id: register this site at the provider and fill it in"
        raise Misconfigured(message, app=name)
    secret = (
        documents.read_secret(context.documents, tx, doctype, name, "client_secret")
        if record["client_secret"]
        else None
    )
    resolve = context.references.resolve
    return AppSettings(
        name=name,
        provider_name=record["provider_name"] or "",
        client_id=resolve(client_id),
        client_secret=resolve(secret) if secret else None,
        redirect_uri=record["redirect_uri"] or "",
        scopes=scopes_of(record),
        endpoints=Endpoints(
            authorization_uri=_address(record, "authorization_uri"),
            token_uri=_address(record, "token_uri"),
            revocation_uri=_address(record, "revocation_uri"),
            userinfo_uri=_address(record, "userinfo_uri"),
            introspection_uri=_address(record, "introspection_uri"),
        ),
        openid_configuration=_address(record, "openid_configuration"),
        query_parameters=tuple((row["key"], row["value"]) for row in record.rows("query_parameters") if row["key"]),
    )


def scopes_of(record: Record) -> tuple[str, ...]:
    """Return the scopes in the rows of a Connected App or a Token Cache, each once."""
    return split_scopes(" ".join(row["scope"] or "" for row in record.rows("scopes"))) or ()


def find_grant(context: ConnectContext, tx: Transaction, app: str, user: str | None) -> Grant | None:
    """Return what a user has granted an app, or (``None``) the app's own token; ``None`` where there is nothing."""
    name = store.token_name(tx, app, user)
    return None if name is None else load_grant(context, tx, name)


def load_grant(context: ConnectContext, tx: Transaction, name: str) -> Grant | None:
    """Return the grant that a Token Cache holds; ``None`` where there is none, or it holds no token."""
    doctype = context.documents.registry.get(TOKEN_CACHE)
    record = documents.find(context.documents, tx, doctype, name)
    if record is None:
        return None
    access_token = documents.read_secret(context.documents, tx, doctype, name, "access_token")
    if not access_token:
        return None
    refresh_token = documents.read_secret(context.documents, tx, doctype, name, "refresh_token")
    state = store.find_grant(tx, name)
    granted = scopes_of(record)
    expires_in, issued_at = _life(record, state)
    tokens = Tokens(
        access_token=access_token,
        refresh_token=refresh_token,
        token_type=record["token_type"] or "Bearer",
        expires_in=expires_in,
        scopes=granted or None,
        issued_at=issued_at,
    )
    known = state or {}
    return Grant(
        name=name,
        app=record["connected_app"] or "",
        user=record["user"],
        grant_id=known.get("grant_id", _NO_GRANT),
        generation=known.get("generation", 0),
        tokens=tokens,
        state=GrantState(known.get("state", GrantState.USABLE)),
        asked=split_scopes(known.get("asked")) or granted,
        account=known.get("account"),
        subject=known.get("subject"),
        connected_at=store.moment(known.get("connected_at")) or record["creation"],
        refreshed_at=store.moment(known.get("refreshed_at")),
        error=known.get("error"),
        failed_at=store.moment(known.get("failed_at")),
    )


def overlaid(grant: Grant, pending: Pending | None) -> Grant:
    """Return a grant with what a refresh came to and does not stand in its document yet."""
    if pending is None or pending.grant_id != grant.grant_id or pending.generation <= grant.generation:
        return grant
    return moved(grant, pending)


def moved(grant: Grant, pending: Pending) -> Grant:
    """Return a grant as it is after a refresh."""
    if pending.tokens is None:
        return replace(grant, generation=pending.generation, state=GrantState.REVOKED, error=pending.refusal)
    return replace(
        grant,
        generation=pending.generation,
        tokens=pending.tokens,
        state=GrantState.USABLE,
        refreshed_at=pending.tokens.issued_at,
        error=None,
        failed_at=None,
    )


def _life(record: Record, state: Mapping[str, Any] | None) -> tuple[float | None, datetime]:
    """Return how long the access token lives, and since when; a document that an app has made counts from its making."""
    issued_at = store.moment(state["issued_at"]) if state else None
    if state is None or issued_at is None:
        return float(record["expires_in"]) if record["expires_in"] else None, record["creation"]
    return state["expires_in"], issued_at


def _address(record: Record, field: str) -> str:
    return (record[field] or "").strip()
