"""``/app/-/password``: where a person changes their own password."""

from demitasse.auth.errors import TooManyLogins, WeakPassword, WrongLogin
from demitasse.web import login
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.navigation import ROOT, Crumb
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer
from demitasse.web.errors import describe


async def serve(context: DeskContext, request: DeskRequest) -> Answer:
    """Show the form, or change the password."""
    if request.method == "GET":
        return _form(context, request)
    old, new = request.sent("old"), request.sent("new")
    if new != request.sent("again"):
        return _form(context, request, errors={"again": "This is not the same as above"}, status=422)
    try:
        await login.change_password(
            context.services,
            user=request.actor.user,
            session=request.session,
            old=old,
            new=new,
            address=request.http.remote_address,
        )
    except WeakPassword as error:
        return _form(context, request, errors={"new": error.message}, status=422)
    except (WrongLogin, TooManyLogins) as error:
        status, _ = describe(error)
        return _form(context, request, errors={"old": error.message}, status=422 if status == 401 else status)  # noqa: PLR2004 - the session goes on, so it is no 401
    return redirect(ROOT, toast="The password is changed; your other sessions have ended")


def _form(
    context: DeskContext, request: DeskRequest, *, errors: dict[str, str] | None = None, status: int = 200
) -> Answer:
    title = "Change the password"
    return context.page(
        request, "password.html", title=title, crumbs=(Crumb(label=title),), errors=errors or {}, status=status
    )
