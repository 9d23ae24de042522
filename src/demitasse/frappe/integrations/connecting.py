"""From the running call to the connections of its site: who asks, from where, in which transaction."""

from urllib.parse import quote, urlencode

from demitasse.auth.errors import NotPermitted
from demitasse.connect.context import Caller, ConnectContext
from demitasse.connect.errors import NotConnected
from demitasse.connect.model import safe_success_uri
from demitasse.documents import access, store
from demitasse.documents.model import Record
from demitasse.frappe.context import Call, current
from demitasse.frappe.utils import get_url

CONNECTED_APP = "Connected App"
MANAGER = "System Manager"
_METHODS = "/api/method/frappe.integrations.doctype.connected_app.connected_app"


def connections(call: Call) -> ConnectContext:
    """Return the connections of the call's site."""
    return call.site.connections


def caller_of(call: Call) -> Caller:
    """Return the call as connections see it."""
    return Caller(call.site.connections, call.tx, later=call.after_call.append)


def session_key(call: Call) -> str:
    """Return what the caller's session is known by: a browser's, or the credentials that a program sends."""
    request = call.request
    if request is None:
        return ""
    if request.session is not None:
        return f"session {request.session.id}"
    return f"header {request.headers.get('authorization', '')}"


def callback_url(app: str) -> str:
    """Return this site's own callback for an app."""
    return get_url(f"{_METHODS}.callback/{quote(app, safe='')}")


def connect_url(app: str, success_uri: str | None = None) -> str:
    """Return the link that a person visits to connect."""
    query = {"name": app, **({"success_uri": success_uri} if success_uri else {})}
    return get_url(f"{_METHODS}.connect?{urlencode(query)}")


def login_url(call: Call) -> str:
    """Return the login page that leads back to what was asked for."""
    request = call.request
    path = request.path if request is not None else "/app"
    query = urlencode({key: value for key, value in call.arguments.items() if isinstance(value, str)})
    return f"/login?{urlencode({'redirect-to': f'{path}?{query}' if query else path})}"


def checked_success_uri(uri: str | None) -> str:
    """Return where a person may be sent afterwards; empty where nothing was asked for.

    Raises:
        UnsafeAddress: it leads to another site.
    """
    request = current().request
    host = request.headers.get("host") if request is not None else None
    # The host that the browser asked for is this site, too, whatever host_name says.
    return safe_success_uri(uri, bases=[get_url(), *(f"{scheme}://{host}" for scheme in ("http", "https") if host)])


def permitted_user(call: Call, user: str | None) -> str:
    """Return the user that is meant: oneself, or for System Managers another one.

    Raises:
        NotPermitted: it is somebody else.
    """
    actor = call.actor
    wanted = user or actor.user
    if wanted != actor.user and not is_manager(call):
        message = "You may see and change your own connections only"
        raise NotPermitted(message, user=actor.user)
    return wanted


def is_manager(call: Call) -> bool:
    """Return whether the caller may see the connections of others."""
    return call.actor.is_administrator or MANAGER in call.actor.roles


def readable_app(name: str) -> Record:
    """Return a Connected App that the caller may read.

    Raises:
        DocumentNotFound: there is none of this name.
        NotPermitted: the caller may not read it.
    """
    call = current()
    context = call.site.documents
    doctype = context.registry.get(CONNECTED_APP)
    access.check_doctype(doctype, "read", call.actor)
    record = store.load(context, call.tx, doctype, name)
    access.check_record(context, call.tx, record, "read", actor=call.actor)
    return record


def not_connected(app: str, user: str) -> NotConnected:
    """Return the error that says how to connect."""
    link = connect_url(app)
    message = f"{app} is not connected for {user}: authorize first, at {link}"
    return NotConnected(message, app=app, user=user, connect_url=link, title="Not Connected")
