"""The command that repeats a request: a real shell reads back what was meant."""

import subprocess

import pytest

from demitasse.delivery import curl

HOSTILE = """it's "$(touch pwned)" `id` \\ ; | & > x \n!! @/etc/passwd €"""


def read_back(command: str) -> list[str]:
    """Return the arguments as a shell hands them over: printf stands in for curl."""
    script = command.replace("curl ", "printf '%s\\0' ", 1)
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=True, timeout=10)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("body", ['{"n":1}', HOSTILE, "@/etc/passwd", "-x", "'", "\\'\n\n"])
def test_a_shell_reads_every_part_as_it_is(body: str) -> None:
    command = curl.command(
        method="POST",
        url="https://x.example/a?b='[c]&d=$e",
        headers=[("X-Note", HOSTILE.replace("\n", " "))],
        body=body,
    )
    assert read_back(command) == [
        "--globoff",
        "--request",
        "POST",
        "--url",
        "https://x.example/a?b='[c]&d=$e",
        "--header",
        "X-Note: " + HOSTILE.replace("\n", " "),
        "--data-raw",
        body,
    ]


def test_secrets_are_places_to_fill_in() -> None:
    command = curl.command(
        method="PUT", url="conf:crm_url", headers=[("Authorization", "***"), ("X-Key", "env:CRM_KEY")], body=""
    )
    arguments = read_back(command)
    assert "Authorization: <your Authorization>" in arguments
    assert "X-Key: <your env:CRM_KEY>" in arguments
    assert "<your conf:crm_url>" in arguments
    assert "--data-raw" not in arguments


def test_a_header_without_a_value_is_still_sent() -> None:
    assert "X-Empty;" in read_back(curl.command(method="POST", url="http://x", headers=[("X-Empty", "")], body=""))


def test_a_long_body_is_read_from_a_file() -> None:
    arguments = read_back(
        curl.command(method="POST", url="http://x", headers=[], body="x" * 40_000, body_file="msg_1.body")
    )
    assert arguments[-2:] == ["--data-binary", "@msg_1.body"]
