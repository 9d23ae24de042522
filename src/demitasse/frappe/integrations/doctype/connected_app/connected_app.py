"""``Connected App`` for code, and the two addresses that people visit: the link, and the provider's way back."""

from html import escape
from urllib.parse import quote

import requests
from authlib.integrations.requests_client import OAuth2Session

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor
from demitasse.connect import authorising
from demitasse.connect.reading import find_grant, load_app, scopes_of
from demitasse.connect.refreshing import active_grant, app_grant
from demitasse.frappe.context import Call, current
from demitasse.frappe.integrations.connecting import (
    MANAGER,
    callback_url,
    caller_of,
    checked_success_uri,
    connect_url,
    connections,
    login_url,
    not_connected,
    permitted_user,
    readable_app,
    session_key,
)
from demitasse.frappe.integrations.doctype.connected_app.connections import (
    check_connection,
    disconnect,
    get_connect_url,
    get_connections,
    get_openid_configuration,
    has_token,
)
from demitasse.frappe.integrations.doctype.token_cache.token_cache import TokenCache
from demitasse.frappe.integrations.oauth2_session import ConnectedSession
from demitasse.frappe.model.document import Document
from demitasse.frappe.pages import answer_people, redirect_to, respond_as_web_page
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


def _uses_desk(actor: Actor) -> bool:
    return actor.is_administrator or bool(_DESK_ROLES & actor.roles)


__all__ = [
    "ConnectedApp",
    "callback",
    "check_connection",
    "connect",
    "connect_url",
    "disconnect",
    "finish_callback",
    "get_connect_url",
    "get_connections",
    "get_openid_configuration",
    "has_token",
]
