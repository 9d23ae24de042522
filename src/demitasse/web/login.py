"""Logging in and out, in Frappe's dialect: ``/api/method/login``, ``/api/method/logout``, and both as ``/?cmd=``."""

from demitasse.auth.errors import NotPermitted, WrongLogin
from demitasse.auth.model import Actor
from demitasse.auth.operations import check_new_password, check_password, set_password
from demitasse.auth.sessions import store
from demitasse.auth.sessions.model import Session
from demitasse.auth.sessions.operations import open_session
from demitasse.db.transaction import Transaction
from demitasse.web import cookies
from demitasse.web.envelope import Answer, success
from demitasse.web.outcome import Outcome, answer_of
from demitasse.web.request import ApiRequest
from demitasse.web.services import WebServices

_PLACES = 2
"""Passwords that are checked at the same time: each takes 64 MiB and a core for tens of milliseconds."""
_WRONG = "Invalid login credentials"
HOME = "/app"


async def log_in(services: WebServices, request: ApiRequest, _: Actor) -> Answer:
    """Open a session for ``usr`` with the password ``pwd``, and answer where to go."""
    if request.method != "POST":
        message = f"Not permitted: login takes POST, not {request.method}: a password does not belong in a URL"
        raise NotPermitted(message, method="login")
    sent = request.arguments()
    user, password = sent.get("usr"), sent.get("pwd")
    if not (isinstance(user, str) and isinstance(password, str) and user and password):
        message = "Incomplete login details"
        raise WrongLogin(message)
    sid, session = await open_for(services, user=user, password=password, address=request.remote_address)
    told = {
        "message": "Logged In" if session.is_system_user else "No App",
        "home_page": HOME if session.is_system_user else "/",
        "full_name": session.full_name,
    }
    answer = (
        answer_of(Outcome(value=told), is_v2=True)
        if request.is_v2
        else success("message", told.pop("message"), more=told)
    )
    return answer.with_headers(*cookies.opening(sid, session, is_secure=services.is_secure(request.scheme)))


async def log_out(services: WebServices, request: ApiRequest, _: Actor) -> Answer:
    """End the session that asks, if one does."""
    if request.session is not None:
        await end(services, request.session)
    told = {"home_page": "/login", "full_name": "Guest"}
    answer = answer_of(Outcome(value=told), is_v2=True) if request.is_v2 else success("message", "No App", more=told)
    return answer.with_headers(*cookies.ending(is_secure=services.is_secure(request.scheme)))


async def open_for(services: WebServices, *, user: str, password: str, address: str | None) -> tuple[str, Session]:
    """Open a session for whose name and password these are, and return the cookie's secret with it.

    Raises:
        WrongLogin: they are not.
        TooManyLogins: too many have failed.
    """
    now = services.site.documents.clock()
    name, address = user.strip(), address or ""
    services.throttle.check(user=name.lower(), address=address, now=now)
    found = await services.threads.run("login", lambda: _checked(services, name, password), places=_PLACES)
    if found is None:
        raise WrongLogin(_WRONG)
    services.throttle.succeeded(user=name.lower(), address=address)
    return await services.lanes.write(lambda tx: open_session(tx, found, now=now))


async def end(services: WebServices, session: Session) -> None:
    """End a session, here and in what is remembered of it."""

    def remove(tx: Transaction) -> None:
        store.remove_session(tx, session.id)
        tx.after_commit(services.site.forget_credentials)

    await services.lanes.write(remove)


async def change_password(
    services: WebServices, *, user: str, session: Session | None, old: str, new: str, address: str | None
) -> None:
    """Give a user another password; the user's other sessions end.

    Raises:
        WeakPassword: the new one is too short.
        WrongLogin: the old one is wrong.
        TooManyLogins: too many guesses at the old one have failed.
    """
    check_new_password(new)
    throttle, now = services.throttle, services.site.documents.clock()
    throttle.check(user=user.lower(), address=address or "", now=now)
    kept = session.id if session is not None else None

    def in_thread() -> bool:
        if _checked(services, user, old) is None:
            return False
        tx = services.database.write()
        try:
            set_password(tx, user, new, keep_session=kept)
            tx.after_commit(services.site.forget_credentials)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        return True

    if not await services.threads.run("login", in_thread, places=_PLACES):
        message = "The present password is wrong"
        raise WrongLogin(message)
    throttle.succeeded(user=user.lower(), address=address or "")


def _checked(services: WebServices, name: str, password: str) -> str | None:
    """Return the user whose name (or its lower-case form, as addresses have it) and password these are."""
    tx = services.database.read()
    try:
        user = name if store.find_user(tx, name) else name.lower()
        return user if check_password(tx, user, password) else None
    finally:
        tx.rollback()
