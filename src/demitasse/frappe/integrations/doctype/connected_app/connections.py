"""Connections as pages and programs see them: how they are, testing one, ending one.

No answer holds a secret. Moments in them are in the site's zone.
"""

from datetime import datetime
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.connect import operations
from demitasse.connect.reading import find_grant, scopes_of
from demitasse.documents.model import Record
from demitasse.frappe.context import Call, current
from demitasse.frappe.database import rows_of
from demitasse.frappe.integrations.connecting import (
    CONNECTED_APP,
    callback_url,
    caller_of,
    checked_success_uri,
    connect_url,
    connections,
    is_manager,
    permitted_user,
    readable_app,
)
from demitasse.frappe.values import AttrDict, to_site
from demitasse.frappe.whitelisting import whitelist


@whitelist(methods=["GET", "POST"])
def has_token(connected_app: str, connected_user: str | None = None) -> bool:
    """Return whether a user, oneself unless a System Manager asks, is connected."""
    call = current()
    user = permitted_user(call, connected_user)
    readable_app(connected_app)
    return operations.status(connections(call), call.tx, connected_app, user, scopes=()).is_connected


@whitelist(methods=["GET", "POST"])
def get_connections(name: str | None = None, user: str | None = None, all_users: bool = False) -> list[dict[str, Any]]:
    """Return how connections are: one's own with each app; System Managers may ask for others.

    Args:
        name: Of one Connected App; all of them unless given.
        user: Whose; oneself unless given.
        all_users: Of everybody who has connected (System Managers).

    Returns:
        For each app and user: ``app``, ``provider_name``, ``user``, ``connected``, ``needs_reauthorise``,
        ``connected_as`` (the account at the provider, where it told), ``scopes_asked``, ``scopes_granted``,
        ``scopes_missing`` (connecting again asks for them), ``can_refresh``, ``connected_at``, ``expires_at`` (of the
        access token; ``None``: nobody knows), ``last_refresh_at``, ``last_error``, ``last_error_at``, ``connect_url``
        and ``redirect_uri``, which is to be registered at the provider.
    """
    call = current()
    if all_users and not is_manager(call):
        message = "Only System Managers see the connections of everybody"
        raise NotPermitted(message, user=call.actor.user)
    own = permitted_user(call, user)
    names = (
        [name] if name else rows_of(CONNECTED_APP, as_actor=True, pluck="name", order_by="provider_name asc", limit=0)
    )
    found = []
    for app in names:
        record = readable_app(app)
        users = operations.users_of(call.tx, app) if all_users else [own]
        found += [_told(call, record, each) for each in users]
    return found


@whitelist(methods=["POST"])
def get_connect_url(name: str, success_uri: str | None = None) -> str:
    """Return the link that a person visits to connect; it begins anew each time it is visited."""
    checked_success_uri(success_uri)
    readable_app(name)
    return connect_url(name, success_uri)


@whitelist(methods=["POST"])
def disconnect(name: str, user: str | None = None) -> dict[str, Any]:
    """Revoke a connection at the provider, then delete it here: one's own, or for System Managers another's.

    Returns:
        ``disconnected``, ``revoked`` (the provider was told), and ``message`` for people, which says why where it was not.
    """
    call = current()
    wanted = permitted_user(call, user)
    readable_app(name)
    was_there = find_grant(connections(call), call.tx, name, wanted) is not None
    problem = operations.disconnect(connections(call), caller_of(call), name, wanted)
    message = problem or ("Disconnected" if was_there else "There was no connection")
    return {"disconnected": was_there, "revoked": was_there and problem is None, "message": message}


@whitelist(methods=["POST"])
def check_connection(name: str, user: str | None = None) -> dict[str, Any]:
    """Ask the provider whether a connection is good: one's own, or for System Managers another's.

    Returns:
        ``ok``, ``connected_as`` and ``message`` for people.
    """
    call = current()
    wanted = permitted_user(call, user)
    readable_app(name)
    seen = operations.probe(connections(call), caller_of(call), name, wanted)
    return {"ok": seen.is_good, "connected_as": seen.account, "message": seen.message}


@whitelist(methods=["POST"])
def get_openid_configuration(openid_configuration: str) -> dict[str, str]:
    """Return a provider's addresses from its discovery document, under the names of the Connected App's fields.

    Raises:
        ConnectError: there is no such document at the address.
    """
    call = current()
    if not is_manager(call):
        message = "Only System Managers set up Connected Apps"
        raise NotPermitted(message, user=call.actor.user)
    caller_of(call).step_aside()
    found = connections(call).discovery.read(openid_configuration)
    return {
        "authorization_uri": found.authorization_uri,
        "token_uri": found.token_uri,
        "revocation_uri": found.revocation_uri,
        "userinfo_uri": found.userinfo_uri,
        "introspection_uri": found.introspection_uri,
    }


def _told(call: Call, app: Record, user: str) -> dict[str, Any]:
    found = operations.status(connections(call), call.tx, app.name, user, scopes=scopes_of(app))
    return AttrDict(
        app=app.name,
        provider_name=app["provider_name"],
        user=user,
        connected=found.is_connected,
        needs_reauthorise=found.needs_reauthorisation,
        connected_as=found.account,
        scopes_asked=list(found.asked),
        scopes_granted=list(found.granted),
        scopes_missing=list(found.missing),
        can_refresh=found.can_refresh,
        connected_at=_at(found.connected_at),
        expires_at=_at(found.expires_at),
        last_refresh_at=_at(found.refreshed_at),
        last_error=found.error,
        last_error_at=_at(found.failed_at),
        connect_url=connect_url(app.name),
        redirect_uri=app["redirect_uri"] or callback_url(app.name),
    )


def _at(moment: datetime | None) -> Any:
    return None if moment is None else to_site(moment)
