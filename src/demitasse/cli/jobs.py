"""``demitasse jobs``: what waits, what failed, and running it by hand."""

import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from demitasse.app import jobs
from demitasse.app.job_views import list_jobs, list_schedules, retry_jobs
from demitasse.app.site import open_site
from demitasse.cli.webhook_output import moment_text, print_json, say, say_plain
from demitasse.jobs.running import Ended
from demitasse.observability.logs import configure_logs

app = typer.Typer(name="jobs", help="See, run and retry background and scheduled jobs.", no_args_is_help=True)

SiteOption = Annotated[Path, typer.Option("--site", envvar="DEMITASSE_SITE", help="The site's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.command("list")
def list_command(
    status: Annotated[str | None, typer.Option(help="queued, started, finished, failed or canceled.")] = None,
    scheduled: Annotated[bool, typer.Option("--scheduled", help="Instead: the schedules and when they run.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """List jobs, newest first, or the schedules."""
    with closing(open_site(site)) as opened:
        rows = list_schedules(opened) if scheduled else list_jobs(opened, status=status, limit=limit)
    if as_json:
        print_json(rows)
        return
    if not rows:
        say("There is no schedule: apps bring them with scheduler_events" if scheduled else "There is no job")
        return
    columns = (
        ("name", "frequency", "stopped", "last_execution", "next_execution")
        if scheduled
        else ("name", "job_name", "queue", "status", "attempts", "creation", "time_taken")
    )
    table = Table(*(column.replace("_", " ").capitalize() for column in columns))
    for row in rows:
        table.add_row(*(_text(row[column]) for column in columns))
    Console().print(table)


@app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(help="Waiting jobs or schedules; all that is due unless given.")
    ] = None,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Run jobs in this process, beside the server or without one. Exit code 1 if one failed."""
    configure_logs(is_terminal=sys.stderr.isatty(), level="error")  # Each end is told below.
    ends: list[Ended] = []

    def tell(ended: Ended) -> None:
        ends.append(ended)
        if not as_json:
            say(f"{ended.job.name} {ended.job.method}: [bold]{ended.outcome}[/bold] in {ended.duration_s:.2f} s")
            if ended.error:
                say_plain(ended.error.rstrip())

    with closing(open_site(site)) as opened:
        for name in names or ():
            jobs.run_one(opened, name, on_end=tell)
        if not names:
            jobs.run_due(opened, on_end=tell)
    if as_json:
        shown = ("outcome", "duration_s", "error")
        print_json(
            [
                {"name": each.job.name, "method": each.job.method, **{key: asdict(each)[key] for key in shown}}
                for each in ends
            ]
        )
    elif not ends:
        say("Nothing is due")
    raise typer.Exit(1 if any(each.error for each in ends) else 0)


@app.command()
def retry(
    names: Annotated[list[str] | None, typer.Argument(help="Jobs that failed or were cancelled.")] = None,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="Instead: all that failed.")] = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Put jobs into the queue again; the process that serves the site runs them."""
    if bool(names) == all_failed:
        message = "Name jobs, or say --all-failed"
        raise typer.BadParameter(message)
    with closing(open_site(site)) as opened:
        done = retry_jobs(opened, names or None)
    if as_json:
        print_json({"queued": done})
    else:
        say(f"Queued {len(done)} jobs")


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f} s"
    return moment_text(value) if hasattr(value, "isoformat") else str(value)  # type: ignore[arg-type] # a date or a moment
