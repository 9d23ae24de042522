"""What every page of the Desk has at hand: the site, templates, and the frame that pages stand in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any
from urllib.parse import quote, unquote

from jinja2 import Environment
from markupsafe import Markup

from demitasse.doctypes.model import Registry
from demitasse.documents.context import DocumentContext
from demitasse.web.desk import running
from demitasse.web.desk.assets import Assets
from demitasse.web.desk.navigation import Crumb, Entry, doctype_groups, groups_of
from demitasse.web.desk.request import DeskRequest
from demitasse.web.envelope import Answer
from demitasse.web.services import WebServices

HTML = (b"content-type", b"text/html; charset=utf-8")
THEMES = ("light", "dark", "system")
_THEME_COOKIE = "desk_theme"
_TOAST_COOKIE = "desk_toast"
_TOAST_LEVELS = frozenset({"success", "info", "warning", "danger"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskContext:
    """The Desk of a running site.

    Args:
        entries: The lines of the sidebar that are no DocTypes.
    """

    services: WebServices
    templates: Environment
    assets: Assets
    entries: Sequence[Entry]

    @property
    def documents(self) -> DocumentContext:
        """The documents of the site."""
        return self.services.site.documents

    @property
    def registry(self) -> Registry:
        """The DocTypes of the site."""
        return self.services.site.documents.registry

    @property
    def zone(self) -> tzinfo:
        """The zone in which people read and write times."""
        return self.services.site.settings.zone

    async def read(self, work: running.Work[running.T], *, is_long: bool = False) -> running.T:
        """Run a read without app code."""
        return await self.services.lanes.read(work, is_long=is_long)

    def page(
        self,
        request: DeskRequest,
        template: str,
        *,
        title: str,
        crumbs: Sequence[Crumb] = (),
        status: int = 200,
        **values: Any,
    ) -> Answer:
        """Return a whole page in the Desk's frame: a template that extends ``shell.html``."""
        cookies = cookies_of(request)
        pages = groups_of(self.entries, request.actor)
        shown = self._render(
            request,
            template,
            {
                **values,
                "title": title,
                "crumbs": crumbs,
                "pages": pages,
                "modules": doctype_groups(self.registry, request.actor, shown=pages),
                "toast": _toast(cookies),
            },
        )
        headers = [HTML, *([_cookie(_TOAST_COOKIE, "", age_s=0)] if _TOAST_COOKIE in cookies else [])]
        return Answer(status=status, body=shown.encode(), headers=headers)

    def bare_page(self, request: DeskRequest, template: str, *, title: str, status: int = 200, **values: Any) -> Answer:
        """Return a whole page without the frame: a template that extends ``base.html``."""
        shown = self._render(request, template, {**values, "title": title})
        return Answer(status=status, body=shown.encode(), headers=[HTML])

    def fragment(self, request: DeskRequest, template: str, *, status: int = 200, **values: Any) -> Answer:
        """Return a part of a page, for htmx."""
        return Answer(status=status, body=self._render(request, template, values).encode(), headers=[HTML])

    def markup(self, request: DeskRequest, template: str, **values: Any) -> Markup:
        """Return a part of a page, to be put into another template."""
        return Markup(self._render(request, template, values))  # noqa: S704 - the template has escaped what it shows

    def _render(self, request: DeskRequest, template: str, values: Mapping[str, Any]) -> str:
        session = request.session
        return self.templates.get_template(template).render(
            {
                "actor": request.actor,
                "full_name": session.full_name if session is not None else request.actor.user,
                "csrf_token": session.csrf_token if session is not None else "",
                "theme": theme_of(request),
                "now": request.now,
                "zone": self.zone,
                "url": request.url,
                **values,
            }
        )


def redirect(path: str, *, toast: str = "", level: str = "success") -> Answer:
    """Send the browser to another page of the site, with a word on what was done."""
    headers = [(b"location", path.encode("ascii"))]
    if toast:
        headers.append(_cookie(_TOAST_COOKIE, quote(f"{level}:{toast[:500]}"), age_s=60))
    return Answer(status=303, body=b"", headers=headers)


def theme_cookie(theme: str) -> tuple[bytes, bytes]:
    """Return the header that remembers a theme for a year."""
    return _cookie(_THEME_COOKIE, theme, age_s=365 * 86_400)


def theme_of(request: DeskRequest) -> str:
    """Return the theme that the browser chose."""
    chosen = cookies_of(request).get(_THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


def cookies_of(request: DeskRequest) -> dict[str, str]:
    """Return the cookies of a request."""
    pairs = (pair.strip().partition("=") for pair in request.http.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


def _toast(cookies: Mapping[str, str]) -> dict[str, str] | None:
    level, _, text = unquote(cookies.get(_TOAST_COOKIE, "")).partition(":")
    return {"level": level, "text": text} if text and level in _TOAST_LEVELS else None


def _cookie(name: str, value: str, *, age_s: int) -> tuple[bytes, bytes]:
    return b"set-cookie", f"{name}={value}; Path=/; Max-Age={age_s}; SameSite=Lax; HttpOnly".encode("latin-1")
