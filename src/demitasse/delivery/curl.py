"""A request as a command line: what a person pastes into a terminal to send it again by hand."""

import shlex
from collections.abc import Iterable

from demitasse.delivery.redaction import REDACTED
from demitasse.vault.references import is_reference

LONGEST_BODY = 32_768
"""Characters; shells take longer arguments, but not much longer ones, and nobody reads them."""


def command(*, method: str, url: str, headers: Iterable[tuple[str, str]], body: str, body_file: str = "body") -> str:
    """Return a ``curl`` command for a POSIX shell.

    Secrets are not in it: where one belongs stands ``<your ...>``, to be filled in.

    Args:
        headers: As the log shows them: credentials taken out, secrets by reference.
        body_file: Where a body is read from that is too long for a command line.
    """
    lines = [f"curl --globoff --request {shlex.quote(method)} --url {shlex.quote(_url(url))}"]
    for name, value in headers:
        # curl takes a header without a value only with a semicolon in place of the colon.
        header = f"{name}: {_value(name, value)}" if value else f"{name};"
        lines.append(f"--header {shlex.quote(header)}")
    if len(body) > LONGEST_BODY:
        lines.append(f"--data-binary {shlex.quote('@' + body_file)}")
    elif body:
        lines.append(f"--data-raw {shlex.quote(body)}")
    return " \\\n  ".join(lines)


def _value(name: str, value: str) -> str:
    if value == REDACTED:
        return f"<your {name}>"
    return f"<your {value}>" if is_reference(value) else value


def _url(url: str) -> str:
    return f"<your {url}>" if is_reference(url) else url
