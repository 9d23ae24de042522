"""``demitasse webhook``: operating webhooks, beside the process that serves the site or without one."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from demitasse.app import retention, webhooks
from demitasse.app.probing import probe
from demitasse.app.resending import OnProgress, backfill_webhook, replay_deliveries, replay_webhook
from demitasse.app.site import Site, open_site
from demitasse.cli.webhook_import import import_command
from demitasse.cli.webhook_output import moment_text, print_attempt, print_json, say, say_plain, tell_state, write_lines
from demitasse.kernel import json
from demitasse.outbox import history
from demitasse.outbox.model import DeliveryState

app = typer.Typer(name="webhook", help="See, try, pause, replay and backfill webhooks.", no_args_is_help=True)
app.command("import")(import_command)
_err = Console(stderr=True)
_TAIL_EVERY_S = 0.5
_LATE = timedelta(seconds=120)
"""How long after it began an attempt may be logged: the longest that one may take, and some."""
_TAIL_MOST = 1_000

SiteOption = Annotated[Path, typer.Option("--site", envvar="DEMITASSE_SITE", help="The site's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
WebhookArgument = Annotated[str, typer.Argument(help="The webhook's name.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
SinceOption = Annotated[str | None, typer.Option(help="A moment in site time, or a span such as 30m, 12h or 7d.")]
UntilOption = Annotated[str | None, typer.Option(help="As --since.")]


@app.command("list")
def list_command(site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """List the webhooks with their state and what waits for them."""
    with closing(open_site(site)) as opened:
        lines = webhooks.list_webhooks(opened)
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    table = Table("Webhook", "DocType", "Event", "State", "Waiting", "Held", "Last 24 h", "URL")
    for line in lines:
        day = ", ".join(f"{count} {status}" for status, count in sorted(line.last_day.items())) or "-"
        table.add_row(line.name, line.doctype, line.event, line.state, str(line.waiting), str(line.held), day, line.url)
    Console().print(table if lines else "There is no webhook yet.")


@app.command()
def show(name: WebhookArgument, site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """Show one webhook: its settings without secrets, its queue, its last attempts."""
    with closing(open_site(site)) as opened:
        view = webhooks.show_webhook(opened, name)
    if as_json:
        print_json(asdict(view))
        return
    line = view.line
    say(f"[bold]{line.name}[/bold]: {line.state}{f' ({view.paused_reason})' if view.paused_reason else ''}")
    say(f"waiting {line.waiting}, held {line.held}, failures since the last success {view.failures}")
    for key, value in view.settings.items():
        say(f"  {key}: {value}")
    for attempt in view.attempts:
        print_attempt(attempt)


@app.command("test")
def try_command(
    name: WebhookArgument,
    document: Annotated[str | None, typer.Option(help="The document to send; the latest unless given.")] = None,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Send one request for a document now and show the answer; nothing is queued. Exit code 1 if it failed."""
    with closing(open_site(site)) as opened:
        done = probe(opened, name, document=document)
    if as_json:
        print_json(asdict(done))
    else:
        say(f"{done.method} {done.url} for {done.document}: [bold]{done.outcome}[/bold] in {done.duration_ms} ms")
        if done.holds is not True:
            say("[yellow]The condition is not true for this document: an event of it would not be sent.[/yellow]")
        say_plain(f"sent {done.headers}\n{done.body}\nanswer {done.status_code}: {done.response}")
        if done.error:
            say(f"[red]{done.error}[/red]")
    raise typer.Exit(1 if done.error else 0)


@app.command()
def replay(  # noqa: PLR0913, PLR0917 - the options of a command
    deliveries: Annotated[list[str] | None, typer.Argument(help="Names of deliveries (webhook-id).")] = None,
    webhook: Annotated[str | None, typer.Option(help="Instead: all deliveries of a webhook.")] = None,
    status: Annotated[str, typer.Option(help="Failed or Delivered; with --webhook.")] = "Failed",
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: DryRunOption = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Send deliveries again, each under the id that it has."""
    if bool(deliveries) == bool(webhook):
        message = "Name deliveries, or a webhook with --webhook"
        raise typer.BadParameter(message)
    if status not in {DeliveryState.FAILED.value, DeliveryState.DELIVERED.value}:
        message = "--status is Failed or Delivered: the others are sent anyway"
        raise typer.BadParameter(message)
    with closing(open_site(site)) as opened, _progress("replaying", is_shown=not as_json) as on_progress:
        if webhook:
            done = replay_webhook(
                opened,
                webhook,
                since=_moment(opened, since),
                until=_moment(opened, until),
                state=DeliveryState(status),
                is_dry_run=dry_run,
                on_progress=on_progress,
            )
        else:
            done = replay_deliveries(opened, deliveries or [], is_dry_run=dry_run)
    if as_json:
        print_json(asdict(done))
        return
    say(f"{'Would replay' if dry_run else 'Replayed'} {done.replayed} deliveries")
    if done.without_body:
        say(f"{done.without_body} have no body, as their template failed: correct it, then backfill")


@app.command()
def backfill(
    name: WebhookArgument,
    filters: Annotated[str | None, typer.Option(help='As in a list, for example {"status": "Open"}.')] = None,
    dry_run: DryRunOption = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Send documents that are there already, where the webhook's condition is true, under new ids."""
    chosen = json.decode(filters) if filters else None
    with closing(open_site(site)) as opened, _progress("backfilling", is_shown=not as_json) as on_progress:
        done = backfill_webhook(opened, name, filters=chosen, is_dry_run=dry_run, on_progress=on_progress)
    if as_json:
        print_json(asdict(done))
        return
    verb = "Would queue" if dry_run else "Queued"
    say(f"{verb} {done.queued} of {done.documents} documents; the webhook is not meant for {done.not_meant}")


@app.command()
def tail(
    webhook: Annotated[str | None, typer.Argument(help="Only this webhook.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="Attempts from before now to show first.")] = 10,
    follow: Annotated[bool, typer.Option(help="Go on until interrupted.")] = True,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Show attempts as they are made; with --json one object a line."""
    with closing(open_site(site)) as opened:
        for attempt in _attempts(opened, webhook, lines=lines, follow=follow):
            if as_json:
                print_json(attempt)
            else:
                print_attempt(attempt)
            sys.stdout.flush()


@app.command()
def pause(
    name: WebhookArgument,
    reason: Annotated[str, typer.Option(help="Shown to who asks why nothing arrives.")] = "",
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Hold the events of a webhook until it is resumed."""
    with closing(open_site(site)) as opened:
        webhooks.set_paused(opened, name, paused=True, reason=reason)
    tell_state(name, "paused", as_json=as_json)


@app.command()
def resume(name: WebhookArgument, site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """Let a paused webhook go on, with what was held."""
    with closing(open_site(site)) as opened:
        webhooks.set_paused(opened, name, paused=False)
    tell_state(name, "resumed", as_json=as_json)


@app.command()
def why(
    doctype: Annotated[str, typer.Argument(help="The document's DocType.")],
    document: Annotated[str, typer.Argument(help="The document's name.")],
    webhook: Annotated[str | None, typer.Option(help="Only this webhook.")] = None,
    event: Annotated[str | None, typer.Option(help="The event in question, such as on_update.")] = None,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Tell why an event of a document was sent or not."""
    with closing(open_site(site)) as opened:
        found = webhooks.why(opened, doctype, document, webhook=webhook, event=event)
    if as_json:
        told = [
            {**asdict(each.explanation), "reason": each.explanation.reason.value, "deliveries": each.deliveries}
            for each in found
        ]
        print_json(told)
        return
    if not found:
        say(f"No webhook is on {doctype}: make one")
    for each in found:
        say(f"[bold]{each.explanation.webhook}[/bold] ({each.explanation.event}): {each.explanation.reason.value}")
        say_plain(f"  {each.explanation.message}")
        for row in each.deliveries:
            say_plain(
                f"  {moment_text(row['creation'])} {row['event']} {row['status']} {row['name']} {row['error'] or ''}".rstrip()
            )


@app.command("export")
def export_command(
    webhook: Annotated[str | None, typer.Argument(help="Only this webhook.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; standard output unless given.")] = None,
    status: Annotated[str | None, typer.Option(help="Queued, Retrying, Held, Delivered or Failed.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    site: SiteOption = Path("site"),
) -> None:
    """Write deliveries with their bodies as JSON lines, oldest first."""
    with closing(open_site(site)) as opened:
        chosen = history.Slice(
            since=_moment(opened, since) or webhooks.LONG_AGO,
            until=_moment(opened, until) or opened.clock(),
            webhook=webhook,
            status=status,
        )
        rows = webhooks.export(opened, chosen)
        if output is None:
            write_lines(rows, sys.stdout.buffer)
        else:
            with output.open("wb") as file:
                count = write_lines(rows, file)
            _err.print(f"{count} deliveries", highlight=False)


@app.command()
def prune(
    days: Annotated[int | None, typer.Option(min=1, help="Instead of log_retention_days.")] = None,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Delete logs and finished deliveries that are older than log_retention_days; the serving process does so hourly."""
    with closing(open_site(site)) as opened:
        deleted = retention.prune(opened, days=days)
    if as_json:
        print_json({"deleted": deleted})
    else:
        say(f"Deleted {deleted} rows")


@contextmanager
def _progress(what: str, *, is_shown: bool) -> Iterator[OnProgress]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_err, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _attempts(site: Site, webhook: str | None, *, lines: int, follow: bool) -> Iterator[history.Row]:
    began = site.clock()
    yield from webhooks.attempts(site, since=webhooks.LONG_AGO, webhook=webhook, limit=lines) if lines else ()
    shown = {row["name"] for row in webhooks.attempts(site, since=began - _LATE, webhook=webhook, limit=_TAIL_MOST)}
    while follow:
        time.sleep(_TAIL_EVERY_S)
        recent = webhooks.attempts(site, since=site.clock() - _LATE, webhook=webhook, limit=_TAIL_MOST)
        yield from (row for row in recent if row["name"] not in shown)
        shown = {row["name"] for row in recent}


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def _moment(site: Site, text: str | None) -> datetime | None:
    """Return the moment that an option means: so long before now, or in the site's zone."""
    if not text:
        return None
    if text[-1] in _UNITS and text[:-1].isdecimal():
        return site.clock() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is no moment: write YYYY-MM-DD HH:MM:SS, or a span such as 30m, 12h or 7d"
        raise typer.BadParameter(message) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=site.settings.zone)).astimezone(UTC)
