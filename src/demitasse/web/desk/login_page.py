"""``/login``: the page where a person logs in."""

from urllib.parse import unquote, urlsplit

from demitasse.auth.errors import TooManyLogins, WrongLogin
from demitasse.web import cookies, login
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer
from demitasse.web.errors import MethodNotAllowed, describe
from demitasse.web.people import leads_on

_HOME = login.HOME


async def serve(context: DeskContext, request: DeskRequest) -> Answer:
    """Show the form, or log in and go to where the person wanted to go."""
    if request.method not in {"GET", "POST"}:
        message = "A login is a GET or a POST"
        raise MethodNotAllowed(message)
    target = same_site(request.asked("redirect-to"))
    if request.method == "GET":
        if not request.actor.is_guest:
            return redirect(target)
        return _form(context, request, target=target)
    user, password = request.sent("usr"), request.sent("pwd")
    if not user or not password:
        return _form(
            context, request, target=target, user=user, error="Give both your name and your password.", status=401
        )
    try:
        sid, session = await login.open_for(
            context.services, user=user, password=password, address=request.http.remote_address
        )
    except (WrongLogin, TooManyLogins) as error:
        status, _ = describe(error)
        text = "The name or the password is wrong." if isinstance(error, WrongLogin) else f"{error.message}."
        answer = _form(context, request, target=target, user=user, error=text, status=status)
        retry_after_s = error.data.get("retry_after_s")
        return answer.with_headers((b"retry-after", str(retry_after_s).encode())) if retry_after_s else answer
    is_secure = context.services.is_secure(request.http.scheme)
    # What answers there may send the person on to another site: to connect an account, for example.
    onward = leads_on(target) if target.startswith("/api/") else redirect(target)
    return onward.with_headers(*cookies.opening(sid, session, is_secure=is_secure))


def same_site(target: str) -> str:
    """Return a path of this site; what leads elsewhere leads to the Desk."""
    parts = urlsplit(target)
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    # Browsers drop tabs and line breaks, and take a backslash for a slash: a path of ours has none of them.
    is_plain = target.isascii() and target.isprintable() and not {"\\", " "} & set(unquote(target[:2]) + target)
    return target if is_ours and is_plain else _HOME


def _form(
    context: DeskContext, request: DeskRequest, *, target: str, user: str = "", error: str = "", status: int = 200
) -> Answer:
    return context.bare_page(
        request, "login.html", title="Log in", status=status, target=target, user=user, error=error
    )
