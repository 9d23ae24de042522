"""``demitasse webhook import``: copy the webhooks of another site."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from demitasse.app.site import open_site
from demitasse.app.webhook_import import Imported, fetch_webhooks, import_webhooks
from demitasse.cli.webhook_output import print_json, say
from demitasse.client.site import FrappeClient

_err = Console(stderr=True)


def import_command(  # noqa: PLR0913, PLR0917 - the options of a command
    source: Annotated[str, typer.Option("--from", help="The other site's URL, such as https://erp.example.com.")],
    api_key: Annotated[str, typer.Option(envvar="ERPNEXT_API_KEY", help="Of a System Manager there.", prompt=True)],
    api_secret: Annotated[
        str, typer.Option(envvar="ERPNEXT_API_SECRET", help="Asked for unless given.", prompt=True, hide_input=True)
    ],
    secret: Annotated[
        list[str] | None,
        typer.Option(help="WEBHOOK=SECRET for one that signs; better WEBHOOK=env:NAME. Asked for unless given."),
    ] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Switch the copies off.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    site: Annotated[Path, typer.Option(envvar="DEMITASSE_SITE", help="The site's folder.")] = Path("site"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Copy the webhooks of another site, a real ERPNext for example; exit code 1 if one was left out."""
    given = dict(_pair(text) for text in secret or ())
    asks = sys.stdin.isatty() and not as_json
    opened = open_site(site)
    try:
        with FrappeClient(source, api_key=api_key, api_secret=api_secret) as peer, _err.status("reading webhooks"):
            found = list(fetch_webhooks(peer))
        done = import_webhooks(
            opened,
            found,
            secret_of=lambda name: given.get(name) or (_ask(name) if asks else None),
            is_enabled=not disabled,
            is_dry_run=dry_run,
        )
    finally:
        opened.close()
    if as_json:
        print_json([asdict(each) for each in done])
    else:
        _show(done, is_dry_run=dry_run)
    raise typer.Exit(1 if any(each.skipped for each in done) else 0)


def _show(done: list[Imported], *, is_dry_run: bool) -> None:
    table = Table("Webhook", "DocType", "Event", "Result")
    for each in done:
        result = f"left out: {each.skipped}" if each.skipped else "; ".join(("copied", *each.notes))
        table.add_row(each.name, each.doctype, each.event, result)
    Console().print(table if done else "There is no webhook on that site.")
    copied = sum(not each.skipped for each in done)
    say(f"{'Would copy' if is_dry_run else 'Copied'} {copied} of {len(done)} webhooks")


def _ask(name: str) -> str | None:
    answer: str = typer.prompt(
        f"Secret of {name} (empty: leave it out)", default="", hide_input=True, show_default=False
    )
    return answer or None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        message = "--secret takes WEBHOOK=SECRET"
        raise typer.BadParameter(message)
    return name, value
