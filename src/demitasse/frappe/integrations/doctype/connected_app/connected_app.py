"""``Connected App`` for code, for people with a link, and for the Desk.

Answers of the functions for the Desk hold no secret. Moments in them are in the site's zone.
"""

from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

import requests
from authlib.integrations.requests_client import OAuth2Session

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.connect import authorising, operations
from demitasse.connect.reading import find_grant, load_app, scopes_of
from demitasse.connect.refreshing import active_grant, app_grant
from demitasse.documents.model import Record
from demitasse.frappe.context import Call, current
from demitasse.frappe.database import rows_of
from demitasse.frappe.integrations.connecting import (
    CONNECTED_APP,
    MANAGER,
    callback_url,
    caller_of,
    checked_success_uri,
    connect_url,
    connections,
    is_manager,
    login_url,
    not_connected,
    permitted_user,
    readable_app,
    session_key,
)
from demitasse.frappe.integrations.doctype.token_cache.token_cache import TokenCache
from demitasse.frappe.integrations.oauth2_session import ConnectedSession
from demitasse.frappe.model.document import Document
from demitasse.frappe.pages import answer_people, redirect_to, respond_as_web_page
from demitasse.frappe.values import AttrDict, to_site
from demitasse.frappe.whitelisting import whitelist

_DESK_ROLES = frozenset({MANAGER, "Desk User"})


class ConnectedApp(Document):
    """An app at a provider, which users of this site connect their accounts to."""

    def get_active_token(self, user: str | None = None) -> TokenCache | None:
        """Return a user's token that is valid now, refreshed where need be; ``None``: they have to authorise first.

        Nobody is asked and nothing waits while the stored token is good.

        Raises:
            ProviderUnavailable: the token has ended and the provider cannot be asked now; what was granted is kept.
            Misconfigured: the provider does not know the app (any more).
        """
        call = current()
        grant = active_grant(connections(call), caller_of(call), self.name, user or call.actor.user)
        return None if grant is None else TokenCache.of(grant)

    get_token = get_active_token

    def get_token_cache(self, user: str | None = None) -> TokenCache | None:
        """Return what is stored of a user's token, as old as it may be; ``None`` where there is nothing."""
        call = current()
        grant = find_grant(connections(call), call.tx, self.name, user or call.actor.user)
        return None if grant is None else TokenCache.of(grant)

    @whitelist()
    def get_user_token(self, user: str | None = None, success_uri: str | None = None) -> TokenCache:
        """Return a user's token that is valid now.

        Raises:
            NotConnected: they have to authorise first; its data has ``connect_url``.
            NotPermitted: it is another user's, and the caller is no System Manager.
        """
        call = current()
        wanted = permitted_user(call, user)
        checked_success_uri(success_uri)
        token = self.get_active_token(wanted)
        if not token:
            raise not_connected(self.name, wanted)
        return token

    def get_backend_app_token(self, include_client_id: bool | None = None) -> TokenCache:
        """Return a token of the app itself (client credentials), valid now.

        Raises:
            ConnectError: the provider gives none.
        """
        call = current()
        return TokenCache.of(app_grant(connections(call), caller_of(call), self.name))

    def get_oauth2_session(self, user: str | None = None, init: bool = False) -> requests.Session:
        """Return a ``requests`` session that sends a user's token.

        Args:
            init: A session without a token, for code that speaks the protocol itself.

        Raises:
            NotConnected: the user has to authorise first.
        """
        call = current()
        context = connections(call)
        if init:
            settings = load_app(context, call.tx, self.name)
            session: requests.Session = OAuth2Session(
                settings.client_id,
                settings.client_secret,
                scope=" ".join(settings.scopes) or None,
                redirect_uri=settings.redirect_uri or callback_url(self.name),
            )
            return session
        wanted = user or call.actor.user
        grant = active_grant(context, caller_of(call), self.name, wanted)
        if grant is None:
            raise not_connected(self.name, wanted)
        return ConnectedSession(self.name, wanted, grant)

    @whitelist()
    def initiate_web_application_flow(self, user: str | None = None, success_uri: str | None = None) -> str:
        """Return the address at the provider where the user who asks agrees.

        Raises:
            NotPermitted: it is for another user, who has to begin it in a session of their own.
        """
        call = current()
        if call.actor.is_guest or (user and user != call.actor.user):
            message = (
                f"Only the user can connect an account, in a session of their own: send them {connect_url(self.name)}"
            )
            raise NotPermitted(message, user=call.actor.user)
        return _begin(call, self.name, success_uri)

    def get_scopes(self) -> list[str]:
        """Return the scopes that are asked for."""
        return list(scopes_of(self._record))

    def get_query_params(self) -> dict[str, str]:
        """Return what is added to the authorization address."""
        return {row.key: row.value for row in self.query_parameters}


@whitelist(allow_guest=True, methods=["GET"])
def connect(name: str, success_uri: str | None = None) -> None:
    """Send a person to the provider to connect their account: a link for mails and pages. Guests log in first.

    Args:
        name: Of the Connected App.
        success_uri: Where they come out: a path of this site, or a page under its address.
    """
    call = current()
    answer_people()
    if call.actor.is_guest:
        redirect_to(login_url(call))
        return
    checked_success_uri(success_uri)
    readable_app(name)
    redirect_to(_begin(call, name, success_uri))


@whitelist(allow_guest=True, methods=["GET"])
def callback(
    code: str | None = None,
    state: str | None = None,
    error: str | None = None,
    error_description: str | None = None,
    iss: str | None = None,
) -> None:
    """Finish the authorisation that ``state`` stands for: what a provider sends people back to."""
    finish_callback(code=code, state=state, error=error, error_description=error_description, issuer=iss)


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


def finish_callback(
    *, code: str | None, state: str | None, error: str | None, error_description: str | None, issuer: str | None
) -> None:
    """Finish an authorisation and send the person on; Guests log in first, and nothing is lost by it."""
    call = current()
    answer_people()
    if call.actor.is_guest:
        redirect_to(login_url(call))
        return
    came_back = authorising.Callback(
        code=code, state=state, error=error, error_description=error_description, issuer=issuer
    )
    done = authorising.finish(
        connections(call), caller_of(call), came_back, user=call.actor.user, session=session_key(call)
    )
    if done.success_uri:
        redirect_to(done.success_uri)
    elif _uses_desk(call.actor):
        redirect_to(f"/app/connected-app/{quote(done.grant.app, safe='')}")
    else:
        respond_as_web_page(
            "Connected", f"{escape(done.grant.app)} is connected. You may close this page.", success=True
        )


def _begin(call: Call, app: str, success_uri: str | None) -> str:
    return authorising.begin(
        connections(call),
        caller_of(call),
        app=app,
        user=call.actor.user,
        session=session_key(call),
        redirect_uri=callback_url(app),
        success_uri=checked_success_uri(success_uri),
    )


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


def _uses_desk(actor: Actor) -> bool:
    return actor.is_administrator or bool(_DESK_ROLES & actor.roles)
