"""Answers for people: redirects that stay one header, and pages that run nothing."""

from typing import Any

import pytest

from demitasse.connect.errors import ConsentDenied
from demitasse.web.people import answer_for_people, error_for_people, leads_on

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"


def headers(answer: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in answer.headers}


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/app?x=1&y=%2F#z", "/app?x=1&y=%2F#z"),
        ("https://provider.test/auth?a=b+c", "https://provider.test/auth?a=b+c"),
        ("/a b\r\nSet-Cookie: x", "/a%20b%0D%0ASet-Cookie:%20x"),
        ("/größe", "/gr%C3%B6%C3%9Fe"),
    ],
)
def test_a_redirect_is_one_header_whatever_is_in_it(location: str, expected: str) -> None:
    answer = answer_for_people({"type": "redirect", "location": location}, status=200)
    assert answer is not None
    assert (answer.status, headers(answer)["location"], answer.body) == (302, expected, b"")


@pytest.mark.parametrize("response", [{}, {"type": "redirect"}, {"type": "page"}, {"type": "json", "location": "/x"}])
def test_what_asks_for_neither_is_answered_as_ever(response: dict[str, Any]) -> None:
    assert answer_for_people(response, status=200) is None


def test_a_page_has_its_status_and_runs_nothing() -> None:
    page = {"type": "page", "page": {"title": "<Done>", "html": "<b>Fine</b>"}}
    answer = answer_for_people(page, status=201)
    assert answer is not None
    assert answer.status == 201
    assert b"&lt;Done&gt;" in answer.body
    assert b"<b>Fine</b>" in answer.body
    assert headers(answer)["content-security-policy"].startswith("default-src 'none'")
    assert headers(answer)["cache-control"] == "no-store"


def test_an_error_is_a_page_for_browsers_only_and_its_words_are_text() -> None:
    error = ConsentDenied("<script>no</script>")
    shown = error_for_people(error, {"type": "page"}, accepts=HTML)
    assert shown is not None
    assert shown.status == 403
    assert b"<script>" not in shown.body
    assert error_for_people(error, {"type": "page"}, accepts="*/*") is None
    assert error_for_people(error, {}, accepts=HTML) is None
    assert error_for_people(ValueError("x"), {"type": "page"}, accepts=HTML) is None


def test_a_page_leads_on_where_a_redirect_would_be_held_up() -> None:
    answer = leads_on('/api/x?a="b"&c=1')
    assert answer.status == 200
    assert headers(answer)["refresh"] == "0;url=/api/x?a=%22b%22&c=1"
    assert b'href="/api/x?a=%22b%22&amp;c=1"' in answer.body
