"""Writing tokens into their Token Cache."""

from dataclasses import replace
from typing import Any

from demitasse.auth.model import ADMINISTRATOR_ACTOR, EVERYONE_ROLES, Actor
from demitasse.connect import store
from demitasse.connect.context import ConnectContext
from demitasse.connect.ledger import Pending
from demitasse.connect.model import Grant, GrantState, Tokens
from demitasse.connect.reading import TOKEN_CACHE, find_grant, load_grant, overlaid, scopes_of
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations
from demitasse.documents import store as documents
from demitasse.documents.naming import MAX_NAME_LENGTH
from demitasse.kernel.ids import random_name

_GRANT_ID_LENGTH = 20
_OWN = "backend"
_ANY_GENERATION = 2**62


def keep_new(  # noqa: PLR0913 - a grant is made of this
    context: ConnectContext,
    tx: Transaction,
    *,
    app: str,
    user: str | None,
    tokens: Tokens,
    asked: tuple[str, ...],
    account: str | None = None,
    subject: str | None = None,
) -> Grant:
    """Write what was granted just now, in the place of what was granted before.

    A refresh token that the provider did not give again is kept where it is good and the account is known to be the
    same: else it would lead to the account that was there before.
    """
    before = find_grant(context, tx, app, user)
    is_usable = before is not None and before.state is GrantState.USABLE
    is_same = before is not None and subject is not None and before.subject == subject
    if before is not None and is_usable and is_same and not tokens.refresh_token:
        tokens = replace(tokens, refresh_token=before.tokens.refresh_token)
    name = _written(context, tx, app=app, user=user, tokens=tokens, asked=asked)
    grant = Grant(
        name=name,
        app=app,
        user=user,
        grant_id=random_name(_GRANT_ID_LENGTH),
        generation=1,
        tokens=tokens,
        asked=asked,
        account=account,
        subject=subject,
        connected_at=context.now(),
    )
    store.put_grant(tx, grant)
    if before is not None:
        old = before.grant_id
        tx.after_commit(lambda: context.ledger.settled(name, grant_id=old, generation=_ANY_GENERATION))
    return grant


def settle(context: ConnectContext, tx: Transaction, name: str) -> None:
    """Write what waits in the ledger for a Token Cache; what is older than that is forgotten.

    Where the provider refuses the grant, the user is told that they have to authorise again: once.
    """
    pending = context.ledger.pending(name)
    if pending is None:
        return
    grant = load_grant(context, tx, name)
    if grant is not None and overlaid(grant, pending) is not grant:
        if not grant.grant_id:  # Code has made the document by itself.
            store.put_grant(tx, grant)
        if pending.tokens is None:
            _refuse(context, tx, grant, pending)
        else:
            _advance(context, tx, grant, pending.tokens, generation=pending.generation)
    tx.after_commit(
        lambda: context.ledger.settled(name, grant_id=pending.grant_id, generation=pending.generation),
    )


def settle_all(context: ConnectContext, tx: Transaction) -> None:
    """Write everything that waits in the ledger."""
    for name in context.ledger.waiting():
        settle(context, tx, name)


def _refuse(context: ConnectContext, tx: Transaction, grant: Grant, pending: Pending) -> None:
    if store.revoke(tx, grant, pending.refusal, generation=pending.generation, now=context.now()):
        context.notices.reauthorise(tx, grant, reason=pending.refusal)


def _advance(context: ConnectContext, tx: Transaction, grant: Grant, tokens: Tokens, *, generation: int) -> None:
    if not store.advance(tx, grant, tokens, generation=generation):
        return
    doctype = context.documents.registry.get(TOKEN_CACHE)
    actor = _actor(grant.user)
    if tokens.scopes is not None and tokens.scopes != grant.tokens.scopes:
        record = documents.load(context.documents, tx, doctype, grant.name)
        building.assign(context.documents, record, {**_values(tokens), "scopes": _rows(tokens.scopes)})
        record.flags["ignore_permissions"] = True
        operations.save(context.documents, tx, record, actor=actor)
    else:
        operations.set_values(context.documents, tx, doctype, grant.name, _values(tokens), actor=actor)


def _written(
    context: ConnectContext,
    tx: Transaction,
    *,
    app: str,
    user: str | None,
    tokens: Tokens,
    asked: tuple[str, ...],
) -> str:
    """Write the Token Cache of a user, and return its name."""
    doctype = context.documents.registry.get(TOKEN_CACHE)
    granted = asked if tokens.scopes is None else tokens.scopes
    values = {**_values(tokens), "scopes": _rows(granted)}
    name = store.token_name(tx, app, user)
    if name is not None:
        record = documents.load(context.documents, tx, doctype, name)
        if scopes_of(record) == granted:
            del values["scopes"]
        building.assign(context.documents, record, values)
        record.flags["ignore_permissions"] = True
        operations.save(context.documents, tx, record, actor=_actor(user))
        return name
    record = building.new_record(
        context.documents, doctype, {"connected_app": app, **({"user": user} if user else {}), **values}
    )
    wanted = f"{app}-{user or _OWN}"
    if len(wanted) > MAX_NAME_LENGTH or documents.exists(tx, doctype, wanted):
        wanted = random_name()
    record["name"] = wanted
    record.flags.update(ignore_permissions=True, name_set=True)
    operations.insert(context.documents, tx, record, actor=_actor(user))
    return record.name


def _values(tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "token_type": tokens.token_type,
        "expires_in": int(tokens.expires_in or 0),
    }


def _rows(scopes: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"scope": scope} for scope in scopes]


def _actor(user: str | None) -> Actor:
    """Return who owns what is written: the user, so that they and nobody else may see and delete it."""
    return ADMINISTRATOR_ACTOR if user is None else Actor(user=user, roles=EVERYONE_ROLES)
