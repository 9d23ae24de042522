"""Managing API keys: ``/api/method/frappe.core.doctype.user.api_keys.<name>``.

Users manage their own, System Managers those of others. Administrator's are Administrator's alone: who could make one
would be Administrator.
"""

from typing import Any

from demitasse.auth.errors import NotPermitted, UnknownKey
from demitasse.auth.keys import operations, store
from demitasse.auth.keys.model import ApiKey
from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR, Actor
from demitasse.documents import operations as document_operations
from demitasse.documents.store import load
from demitasse.frappe.context import Call, current
from demitasse.frappe.integrations.arguments import at_most, moment
from demitasse.frappe.whitelisting import whitelist

_MANAGER = "System Manager"
_MOST_LISTED = 500


@whitelist(methods=["GET", "POST"])
def find(user: str | None = None, limit: Any = _MOST_LISTED) -> list[dict[str, Any]]:
    """Return the keys of a user, newest first, without their secrets; with ``user`` ``*`` those of everybody."""
    call = current()
    asked = user or call.actor.user
    if asked == "*":
        _check_manager(call.actor)
        keys = [key for key in store.keys_of(call.tx, None, limit=_MOST_LISTED) if may_manage(call.actor, key.user)]
    else:
        check_may_manage(call.actor, asked)
        keys = store.keys_of(call.tx, asked, limit=at_most(limit, _MOST_LISTED))
    return [_shown(call, key) for key in keys]


@whitelist(methods=["POST"])
def create(label: str, user: str | None = None, expires_at: Any = None) -> dict[str, str]:
    """Make a key with a label, beside those that there are, and return it with its secret, which is shown only here.

    Args:
        user: Whose it is; the caller's unless given.
        expires_at: In site time; without it the key does not end.
    """
    call = current()
    chosen = _user(call, user)
    ends = moment(call, expires_at, doctype="User", field="expires_at")
    now = call.site.documents.clock()
    key, secret = operations.create_key(call.tx, chosen, label=label, now=now, expires_at=ends)
    return {"user": chosen, "api_key": key, "api_secret": secret}


@whitelist(methods=["POST"])
def revoke(api_key: str) -> dict[str, str]:
    """End a key at once."""
    call = current()
    key = store.find_key(call.tx, api_key)
    if key is None or not may_manage(call.actor, key.user):
        # Others' keys get the same answer: nobody learns which there are.
        message = "There is no such API key: it may have been revoked already"
        raise UnknownKey(message)
    store.remove_key(call.tx, key.api_key)
    if key.label is None:
        _note_main(call, key.user, None)
    call.tx.after_commit(call.site.forget_credentials)
    return {"user": key.user, "revoked": key.api_key}


def generate(user: str | None) -> dict[str, str]:
    """Give a user a new secret, and a key where there is none without a label; what there was ends."""
    call = current()
    chosen = _user(call, user)
    key, secret = operations.generate_keys(call.tx, chosen, now=call.site.documents.clock(), keeps_key=True)
    _note_main(call, chosen, key)
    call.tx.after_commit(call.site.forget_credentials)
    return {"api_key": key, "api_secret": secret}


def may_manage(actor: Actor, user: str) -> bool:
    """Return whether an actor may see, make and end a user's keys."""
    if actor.is_guest:
        return False
    if actor.is_administrator or actor.user == user:
        return True
    return _MANAGER in actor.roles and user != ADMINISTRATOR


def check_may_manage(actor: Actor, user: str) -> None:
    """Refuse who may not manage a user's keys.

    Raises:
        NotPermitted: it is another's, and the actor is no System Manager.
    """
    if not may_manage(actor, user):
        message = f"The API keys of {user} are for that user and for System Managers"
        raise NotPermitted(message, user=actor.user)


def _check_manager(actor: Actor) -> None:
    if not (actor.is_administrator or _MANAGER in actor.roles):
        message = "The API keys of everybody are for System Managers"
        raise NotPermitted(message, user=actor.user)


def _user(call: Call, user: str | None) -> str:
    """Return the user that is meant, who exists and whose keys the actor may manage."""
    chosen = user or call.actor.user
    check_may_manage(call.actor, chosen)
    return load(call.site.documents, call.tx, call.site.documents.registry.get("User"), chosen).name


def _note_main(call: Call, user: str, api_key: str | None) -> None:
    document_operations.set_values(
        call.site.documents,
        call.tx,
        call.site.documents.registry.get("User"),
        user,
        {"api_key": api_key},
        actor=ADMINISTRATOR_ACTOR,
        moves_modified=False,
    )


def _shown(call: Call, key: ApiKey) -> dict[str, Any]:
    zone = call.site.settings.zone
    return {
        "api_key": key.api_key,
        "user": key.user,
        "label": key.label,
        "created_at": key.created_at.astimezone(zone),
        "last_used_at": key.last_used_at and key.last_used_at.astimezone(zone),
        "expires_at": key.expires_at and key.expires_at.astimezone(zone),
        "has_expired": key.has_expired(call.site.documents.clock()),
    }
