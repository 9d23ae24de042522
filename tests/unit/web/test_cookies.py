"""The cookies of a session."""

import pytest

from demitasse.web.cookies import sid_of


@pytest.mark.parametrize(
    ("header", "sid"),
    [
        (None, None),
        ("", None),
        ("sid=abc", "abc"),
        ("theme=dark; sid=abc; user_id=x", "abc"),
        ("sid=Guest", None),
        ("sid=", None),
        ("asid=abc; sidx=1", None),
        ("sid", None),
    ],
)
def test_the_secret_is_found_among_the_cookies(header: str | None, sid: str | None) -> None:
    assert sid_of(header) == sid
