"""``demitasse middleware``: serve phones in front of a site, and keep their tokens."""

import os
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from demitasse.kernel import json
from demitasse.kernel.clock import utc_now
from demitasse.middleware.configuration import DEFAULT_FOLDER, read_configuration
from demitasse.middleware.devices import create_device, revoke_device
from demitasse.middleware.mapping_file import read_mapping
from demitasse.middleware.model import Device
from demitasse.middleware.serving import serve
from demitasse.middleware.store import Store
from demitasse.observability.logs import configure_logs

app = typer.Typer(help="Serve mobile apps in front of a Frappe or ERPNext site; configured by the environment.")
token = typer.Typer(help="Device tokens: what phones show instead of the site's key.", no_args_is_help=True)
app.add_typer(token, name="token")
_out = Console()

FolderOption = Annotated[
    Path, typer.Option("--data-dir", envvar="DATA_DIR", help="Where the middleware keeps its data.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]


@app.callback(invoke_without_command=True)
def start(context: typer.Context) -> None:
    """Serve phones until told to stop (docs/middleware.md lists the environment's settings)."""
    if context.invoked_subcommand is None:
        configuration = read_configuration(os.environ)
        configure_logs(is_terminal=sys.stderr.isatty(), level=configuration.log_level)
        serve(configuration)


@app.command("check")
def check(
    mapping: Annotated[Path | None, typer.Argument(help="A mapping file; ScoopJoy's without one.")] = None,
) -> None:
    """Say whether a mapping file can be used, and where it is wrong."""
    found = read_mapping(mapping)
    counts = f"{len(found.lists)} list, {len(found.creates)} create, {len(found.calls)} call, {len(found.pushes)} push"
    _out.print(f"{mapping or 'The mapping of ScoopJoy'} can be used: {counts}", highlight=False)


@token.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Whose token it is, such as a phone or an app.")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it; it is shown once."""
    with closing(Store(folder)) as store:
        device, secret = create_device(store, name, now_s=int(utc_now().timestamp()))
    if as_json:
        typer.echo(json.encode({"id": device.id, "name": device.name, "token": secret}).decode())
        return
    _out.print(f"[bold]device[/bold]: {device.id} ({device.name})", highlight=False, soft_wrap=True)
    _out.print(f"[bold]token[/bold]: {secret}", highlight=False, soft_wrap=True)


@token.command("list")
def list_(folder: FolderOption = Path(DEFAULT_FOLDER), as_json: JsonOption = False) -> None:
    """List the devices that have, or had, a token."""
    with closing(Store(folder)) as store:
        devices = store.devices()
    if as_json:
        typer.echo(json.encode([_facts(device) for device in devices]).decode())
        return
    table = Table("id", "name", "created", "state")
    for device in devices:
        facts = _facts(device)
        table.add_row(device.id, device.name, facts["created_at"], "revoked" if device.revoked_at_s else "active")
    _out.print(table)


@token.command("revoke")
def revoke(
    device: Annotated[str, typer.Argument(help="The device's id, or its name.")],
    folder: FolderOption = Path(DEFAULT_FOLDER),
) -> None:
    """Refuse a device's token from now on; its open connections end within seconds."""
    with closing(Store(folder)) as store:
        found = revoke_device(store, device, now_s=int(utc_now().timestamp()))
    _out.print(f"The token of {found.name} ({found.id}) is refused from now on", highlight=False)


def _facts(device: Device) -> dict[str, Any]:
    return {
        "id": device.id,
        "name": device.name,
        "created_at": _moment(device.created_at_s),
        "revoked_at": None if device.revoked_at_s is None else _moment(device.revoked_at_s),
    }


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
