"""Sending deliveries again: those that are chosen, or all that failed of a webhook."""

from functools import partial

from demitasse.frappe.integrations.doctype.webhook import webhook as webhooks
from demitasse.kernel.errors import DemitasseError
from demitasse.web.desk.calling import act
from demitasse.web.desk.context import DeskContext, redirect
from demitasse.web.desk.deliveries.filters import Asked
from demitasse.web.desk.deliveries.paths import PATH
from demitasse.web.desk.format import words
from demitasse.web.desk.login_page import same_site
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer

_MOST_REPLAYED = 20_000
_REPLAYED_AT_ONCE = 100


async def replay(context: DeskContext, request: DeskRequest) -> Answer:
    """Send one or several deliveries again, and go back to where they were chosen."""
    names = [value for name, value in request.form if name == "delivery"]
    back = same_site(request.sent("back") or PATH)
    if not names:
        return redirect(back, toast="Choose deliveries first", level="warning")
    try:
        done = await act(context, request, "replay", lambda: webhooks.replay(deliveries=names))
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    count = len(done["replayed"])
    return redirect(back, toast="Sent again" if count == 1 else f"{count} deliveries are sent again")


async def replay_all(context: DeskContext, request: DeskRequest) -> Answer:
    """Send all that failed of a webhook again, within the times that the list is narrowed to, some at a time."""
    asked = Asked.of(request)
    wanted = asked.arguments(request.now)
    chosen = {"webhook": wanted["webhook"], "since": wanted["since"] or None, "until": wanted["until"] or None}
    back = f"{PATH}?{asked.query(status=None)}"
    count, after = 0, None
    try:
        while count < _MOST_REPLAYED:
            done = await act(
                context, request, "replay", partial(webhooks.replay, **chosen, limit=_REPLAYED_AT_ONCE, after=after)
            )
            count, after = count + len(done["replayed"]), done["next"]
            if after is None:
                break
    except DemitasseError as error:
        return redirect(back, toast=words(error.message), level="danger")
    rest = " There are more: do it once again" if after else ""
    return redirect(back, toast=f"{count:,} deliveries are sent again.{rest}")


async def count_failed(context: DeskContext, request: DeskRequest) -> Answer:
    """Answer how many deliveries a replay of all that failed would send."""
    asked = Asked.of(request)
    wanted = asked.arguments(request.now)
    done = await act(
        context,
        request,
        "replay",
        lambda: webhooks.replay(
            webhook=wanted["webhook"], since=wanted["since"] or None, until=wanted["until"] or None, dry_run=True
        ),
    )
    return context.fragment(request, "deliveries/count.html", done=done)
