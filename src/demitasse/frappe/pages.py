"""Answers for people instead of programs: redirects and short pages."""

from typing import Any

from demitasse.frappe.context import current

PAGE, REDIRECT = "page", "redirect"


def redirect_to(location: str) -> None:
    """Answer with a redirect; what the function returns is left out."""
    current().response.update(type=REDIRECT, location=location)


def answer_people() -> None:
    """Tell also what goes wrong on a page, where a browser asks; programs get errors as ever."""
    current().response["type"] = PAGE


def respond_as_web_page(
    title: str,
    html: str,
    success: bool | None = None,
    http_status_code: int | None = None,
    context: Any = None,
    indicator_color: str | None = None,
    primary_action: str = "/",
    primary_label: str | None = None,
    fullpage: bool = False,
    width: int = 0,
    template: str = "message",
) -> None:
    """Answer with a page of a title and a text in HTML; scripts in it do not run."""
    call = current()
    call.response.update(type=PAGE, page={"title": str(title), "html": str(html)})
    if http_status_code:
        call.response["http_status_code"] = http_status_code
