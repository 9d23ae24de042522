"""How commands show rows, states and moments: to people, or as JSON to machines."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, BinaryIO

import typer
from rich.console import Console

from demitasse.kernel import json
from demitasse.outbox.history import Row

_out = Console()


def write_lines(rows: Iterable[Row], file: BinaryIO) -> int:
    """Write rows as JSON lines and return how many there were."""
    count = 0
    for row in rows:
        file.write(json.encode(_with_zone(row)) + b"\n")
        count += 1
    return count


def _with_zone(value: Any) -> Any:
    """Return a value with its moments as ISO 8601 in UTC: machines far away do not know the site's zone."""
    if isinstance(value, Mapping):
        return {key: _with_zone(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_with_zone(each) for each in value]
    return moment_text(value) if isinstance(value, date) else value


def moment_text(moment: date) -> str:
    """Return a moment as ISO 8601 with its zone."""
    return moment.isoformat().replace("+00:00", "Z")


def print_json(value: Any) -> None:
    """Print a value on one line."""
    typer.echo(json.encode(_with_zone(value)).decode())


def print_attempt(row: Row) -> None:
    """Print an attempt on one line."""
    place = f"{row['reference_doctype']} {row['reference_document']}"
    answer = f"{row['status_code']} " if row["status_code"] else ""
    end = f": {row['error']}" if row["error"] else ""
    say_plain(
        f"{moment_text(row['creation'])} {row['webhook']} {place} #{row['attempt']} {answer}{row['outcome']} "
        f"{row['duration_ms']} ms {row['delivery']}{end}"
    )


def tell_state(name: str, state: str, *, as_json: bool) -> None:
    """Say what a webhook is now."""
    if as_json:
        print_json({"webhook": name, "state": state})
    else:
        say(f"{name} is {state}")


def say(line: str) -> None:
    """Print a line with markup."""
    _out.print(line, highlight=False, soft_wrap=True)


def say_plain(line: str) -> None:
    """Print a line as it is: it may hold what others wrote."""
    _out.print(line, highlight=False, soft_wrap=True, markup=False)
