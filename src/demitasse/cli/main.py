"""``demitasse``: the command line."""

import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from demitasse.app.backup import back_up, restore
from demitasse.app.execution import execute_function
from demitasse.app.install import change_password, install_app, make_keys, migrate, new_site
from demitasse.app.server import serve
from demitasse.cli import jobs, middleware, sync, webhook
from demitasse.cli.demo import run_demo
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.observability.logs import configure_logs

app = typer.Typer(
    name="demitasse",
    help="Documents with a REST API, dependable webhooks, and the rest of the talk with the outside world.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(webhook.app)
app.add_typer(middleware.app, name="middleware")
app.add_typer(jobs.app)
app.add_typer(sync.app)
_out = Console()
_err = Console(stderr=True)

SiteOption = Annotated[Path, typer.Option("--site", envvar="DEMITASSE_SITE", help="The site's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")]


def main() -> None:
    """Run the command line; anticipated errors are one sentence and exit code 1."""
    configure_logs(is_terminal=sys.stderr.isatty(), level="warning")  # Never on the output, which programs read.
    try:
        app()
    except DemitasseError as error:
        _err.print(f"[red]{type(error).__name__}[/red]: {error.message}", highlight=False, soft_wrap=True)
        sys.exit(1)


@app.command("new-site")
def new_site_command(
    directory: Annotated[Path, typer.Argument(help="A folder that is not there yet, or empty.")],
    database_url: Annotated[str | None, typer.Option(help="Where the documents are kept.")] = None,
    apps: Annotated[list[str] | None, typer.Option("--app", help="An app to install; may be repeated.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE for site_config.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a site and print Administrator's key, secret and password; they are shown once."""
    made = new_site(
        directory,
        apps=apps or (),
        conf=dict(_setting(text) for text in settings or ()),
        database_url=database_url,
        tell=_teller(as_json=as_json),
    )
    facts = {
        "site": made.site,
        "api_key": made.api_key,
        "api_secret": made.api_secret,
        "admin_password": made.admin_password,
        "installed_apps": list(made.installed_apps),
    }
    _print(facts, as_json=as_json)


@app.command()
def start(
    site: SiteOption = Path("site"),
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
) -> None:
    """Serve a site and deliver its webhooks, in one process."""
    configure_logs(is_terminal=sys.stderr.isatty())
    serve(site, host=host, port=port)


@app.command("install-app")
def install_app_command(
    name: Annotated[str, typer.Argument(help="An importable package with a hooks.py.")],
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Install an app, after the apps that it requires."""
    done = install_app(site, name, tell=_teller(as_json=as_json))
    _print({"installed": list(done)}, as_json=as_json)


@app.command("migrate")
def migrate_command(site: SiteOption = Path("site"), as_json: JsonOption = False) -> None:
    """Bring tables up to date, run patches, and call what apps do after a migration."""
    done = migrate(site, tell=_teller(as_json=as_json))
    _print({"changes": done}, as_json=as_json)


@app.command("generate-keys")
def generate_keys_command(
    user: Annotated[str, typer.Argument(help="The user's name (its e-mail address).")],
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Give a user a new API key and secret; the old ones end, the new ones are shown once."""
    key, secret = make_keys(site, user)
    _print({"user": user, "api_key": key, "api_secret": secret}, as_json=as_json)


@app.command("set-password")
def set_password_command(
    user: Annotated[str, typer.Argument(help="The user's name (its e-mail address).")],
    site: SiteOption = Path("site"),
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for when it is left out.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Set a user's password; the user's sessions end."""
    change_password(site, user, password)
    _print({"user": user}, as_json=as_json)


@app.command()
def execute(
    path: Annotated[str, typer.Argument(help="Dotted path of a function.")],
    kwargs: Annotated[str, typer.Option(help="Its arguments as a JSON object.")] = "{}",
    site: SiteOption = Path("site"),
) -> None:
    """Call a function inside the site, commit, and print what it returned."""
    arguments = json.decode(kwargs)
    if not isinstance(arguments, dict):
        message = '--kwargs must be a JSON object, such as {"city": "Mumbai"}'
        raise typer.BadParameter(message)
    result = execute_function(site, path, arguments)
    if result is not None:
        typer.echo(json.encode_pretty(result).decode(), nl=False)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The .tar.gz to write; it holds the encryption key, so keep it safe.")],
    site: SiteOption = Path("site"),
    as_json: JsonOption = False,
) -> None:
    """Write a site (database, configuration, files) into one file, also while it serves."""
    with _working("backing up", as_json=as_json):
        made = back_up(site, file)
    _print(asdict(made), as_json=as_json)


@app.command("restore")
def restore_command(
    file: Annotated[Path, typer.Argument(help="What `demitasse backup` wrote.")],
    directory: Annotated[Path, typer.Argument(help="A folder that is not there yet, or empty.")],
    pause_webhooks: Annotated[
        bool, typer.Option("--pause-webhooks", help="For a copy beside the original: it delivers nothing.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a site of a backup."""
    with _working("restoring", as_json=as_json):
        done = restore(file, directory, pauses_webhooks=pause_webhooks)
    _print(asdict(done), as_json=as_json)


@app.command()
def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End after the tour; 0 if each step did what it says.")] = False,
    port: Annotated[int, typer.Option(help="Port of the site; 0 takes a free one.")] = 8000,
) -> None:
    """Show the whole of it on an ice-cream franchise in a temporary folder, then keep serving."""
    configure_logs(is_terminal=sys.stderr.isatty(), level="error")
    raise typer.Exit(run_demo(_out, keep_serving=not leave, port=port))


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        message = f"--set takes KEY=VALUE, not {text!r}"
        raise typer.BadParameter(message)
    try:
        return key, json.decode(value)
    except json.MalformedJson:
        return key, value


def _working(what: str, *, as_json: bool) -> AbstractContextManager[object]:
    return nullcontext() if as_json else _err.status(what)


def _teller(*, as_json: bool) -> Any:
    return (lambda _: None) if as_json else (lambda line: _err.print(f"[dim]{line}[/dim]", highlight=False))


def _print(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.encode(facts).decode())
        return
    for key, value in facts.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        _out.print(f"[bold]{key}[/bold]: {shown or '-'}", highlight=False, soft_wrap=True)
