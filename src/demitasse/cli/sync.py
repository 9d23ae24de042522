"""``demitasse sync``: bringing sites in step, beside the process that serves the site or without one."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from demitasse.app import syncing
from demitasse.app.dead_letters import dead_letters, replay_dead
from demitasse.app.site import open_site
from demitasse.cli.webhook_output import moment_text, print_json, say, say_plain
from demitasse.kernel.errors import DemitasseError
from demitasse.sync.model import Counts
from demitasse.sync.running import Ran

app = typer.Typer(name="sync", help="Bring this site and others in step.", no_args_is_help=True)
_err = Console(stderr=True)

SiteOption = Annotated[Path, typer.Option("--site", envvar="DEMITASSE_SITE", help="The site's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
RulesArgument = Annotated[list[str] | None, typer.Argument(help="Sync Rules; all that pull unless given.")]


@app.command()
def run(rules: RulesArgument = None, site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """Run rules now: read what is new at their sites and apply it. Exit code 1 if one failed."""
    _run(site, rules or (), as_json=as_json)


@app.command()
def reconcile(
    rules: RulesArgument = None,
    delete_most: Annotated[
        bool, typer.Option("--delete-most", help="Delete here what is gone there, also where that is more than half.")
    ] = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Run rules and compare all keys of both sides: finds what was lost on the way. Exit code 1 if one failed."""
    _run(site, rules or (), as_json=as_json, reconciles=True, may_delete_most=delete_most)


@app.command()
def status(site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """Show how every rule stands: how far it has read, how late, what is parked and in conflict."""
    with closing(open_site(site)) as opened:
        lines = syncing.status(opened)
    if as_json:
        print_json([asdict(line) for line in lines])
        return
    table = Table("Rule", "What", "Read up to", "Lag", "Parked", "Conflicts")
    for line in lines:
        what = f"{line.pattern} {line.doctype}, {line.site}{'' if line.enabled else ' (off)'}"
        up_to = (line.read_up_to[:19] or "-") + ("" if line.is_complete else " (backfill)")
        if line.pattern != "Pull":
            up_to = "-"
        table.add_row(line.name, what, up_to, f"{line.lag_s:.1f} s", str(line.parked), str(line.conflicts))
    Console().print(table if lines else "There is no Sync Rule yet.")
    for line in lines:
        if line.last_error:
            say_plain(f"{line.name} failed: {line.last_error}")


@app.command("conflicts")
def conflicts_command(
    rule: Annotated[str | None, typer.Option(help="Only those of this rule.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are resolved.")] = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """List conflicts that wait for a person."""
    with closing(open_site(site)) as opened:
        rows = syncing.conflicts(opened, rule, is_all=everything)
    _print_rows(rows, as_json=as_json, none="There is no conflict.")


@app.command()
def resolve(
    conflict: Annotated[str, typer.Argument(help="The conflict's name; see `sync conflicts`.")],
    choice: Annotated[str, typer.Argument(help="theirs or ours; empty shows both versions.")] = "",
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Settle a conflict, or show both versions of its document."""
    with closing(open_site(site)) as opened:
        if not choice:
            _show_versions(syncing.conflict_versions(opened, conflict), as_json=as_json)
            return
        resolution = syncing.resolve(opened, conflict, choice)
    if as_json:
        print_json({"conflict": conflict, "resolution": resolution})
    else:
        say_plain(f"{conflict}: {resolution}")


@app.command()
def parked(
    rule: Annotated[str | None, typer.Option(help="Only those of this rule.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try them all again at the next run of their rules.")] = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """List documents that could not be applied, with their errors; they are tried again by themselves."""
    with closing(open_site(site)) as opened:
        rows = syncing.parked_rows(opened, rule)
        if retry:
            syncing.make_due(opened, [row["name"] for row in rows])
    _print_rows(rows, as_json=as_json, none="Nothing is parked.")


@app.command()
def dead(
    rule: Annotated[str, typer.Argument(help="A Sync Rule of the pattern Broker.")],
    replay: Annotated[
        bool, typer.Option("--replay", help="Take them again; those that are taken are removed.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, oldest first.")] = 100,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """List messages of a broker that could not be taken, or take them again. Exit code 1 if one still cannot."""
    with closing(open_site(site)) as opened:
        rows = dead_letters(opened, rule, limit=limit) if not replay else replay_dead(opened, rule, limit=limit)
    _print_rows(rows, as_json=as_json, none="There is no dead letter.")
    raise typer.Exit(1 if replay and any(row["error"] for row in rows) else 0)


@app.command("test")
def try_command(
    remote_site: Annotated[str, typer.Argument(help="The Remote Site.")],
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Call a Remote Site: is it there, does it know the key, what kind of site is it?"""
    with closing(open_site(site)) as opened:
        greeting = syncing.try_site(opened, remote_site)
    if as_json:
        print_json(asdict(greeting))
    else:
        zone = greeting.zone or "not told: write it into the Remote Site"
        say_plain(f"{remote_site} is a {greeting.kind} site; this site is {greeting.user} there; time zone {zone}")


@app.command()
def identity(
    new: Annotated[bool, typer.Option("--new", help="Make a new one: for a copy of another site.")] = False,
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Show the id by which other sites know the edits that were made here."""
    with closing(open_site(site)) as opened:
        found = syncing.new_site_id(opened) if new else syncing.site_id(opened)
    if as_json:
        print_json({"site_id": found})
    else:
        say_plain(found)


def _run(
    path: Path, rules: Sequence[str], *, as_json: bool, reconciles: bool = False, may_delete_most: bool = False
) -> None:
    failed = False
    done: list[dict[str, Any]] = []
    with closing(open_site(path)) as site, _progress(shown=not as_json) as progress:
        names = syncing.runnable_rules(site, rules)
        if not names and not as_json:
            say("There is no enabled Sync Rule that pulls.")
        for name in names:
            task = progress.add_task(name, total=None, done="")

            def tell(counts: Counts, task: Any = task) -> None:
                progress.update(task, done=_short(counts))

            runner = syncing.runner_of(site, tell=tell)
            try:
                ran = runner.run(name, reconciles=reconciles, may_delete_most=may_delete_most)
            except DemitasseError as error:
                failed = True
                progress.remove_task(task)
                done.append({"rule": name, "error": error.message})
                if not as_json:
                    _err.print(f"[red]{name}[/red]: {error.message}", highlight=False, soft_wrap=True)
            else:
                progress.remove_task(task)
                if not as_json:
                    progress.console.print(f"[bold]{name}[/bold]: {_long(ran)}", highlight=False, soft_wrap=True)
                done.append(_as_dict(ran))
    if as_json:
        print_json(done)
    raise typer.Exit(1 if failed else 0)


def _as_dict(ran: Ran) -> dict[str, Any]:
    return {**asdict(ran), "documents_per_s": round(ran.documents_per_s, 1)}


def _short(counts: Counts) -> str:
    parts = {name: getattr(counts, name) for name in Counts.__slots__}
    return ", ".join(f"{number} {name}" for name, number in parts.items() if number)


def _long(ran: Ran) -> str:
    said = _short(ran.counts) or "nothing new"
    rate = f"; {ran.documents_per_s:.0f} documents/s" if ran.counts.read else ""
    return f"{said} in {ran.duration_s:.2f} s{rate}{f' (keys compared: {ran.reason})' if ran.reason else ''}"


def _show_versions(versions: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(versions)
        return
    ours, theirs = versions["ours"] or {}, versions["theirs"] or {}
    table = Table("Field", "Ours", "Theirs", title=versions["document"])
    for field in dict.fromkeys([*ours, *theirs]):
        if str(ours.get(field)) != str(theirs.get(field)) and field in ours:
            table.add_row(field, _cell(ours.get(field)), _cell(theirs.get(field)))
    Console().print(table)


def _print_rows(rows: Sequence[dict[str, Any]], *, as_json: bool, none: str) -> None:
    if as_json:
        print_json(rows)
        return
    if not rows:
        say(none)
        return
    table = Table(*[key.replace("_", " ").title() for key in rows[0]])
    for row in rows:
        table.add_row(*[_cell(value) for value in row.values()])
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return moment_text(value) if hasattr(value, "isoformat") else str(value)


@contextmanager
def _progress(*, shown: bool) -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("[bold]{task.description}"), TextColumn("{task.fields[done]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(), disable=not shown) as progress:
        yield progress
