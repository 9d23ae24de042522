"""The templates of the Desk: everything that is printed is escaped, and a name that is not there is a fault."""

from datetime import datetime, tzinfo
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from demitasse.web.desk import format as formatting
from demitasse.web.desk.assets import Assets
from demitasse.web.desk.navigation import form_path, list_path

_FOLDER = Path(__file__).parent / "templates"


def make_templates(assets: Assets, *folders: Path) -> Environment:
    """Return the environment that finds templates in the Desk's folder and in ``folders``."""
    environment = Environment(
        loader=FileSystemLoader([_FOLDER, *folders]),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
    )
    icons = assets.url("icons.svg")

    def icon(name: str) -> Markup:
        """Return a symbol beside words that say the same, so nobody reads it aloud."""
        return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(icons, name)

    environment.globals.update(
        asset=assets.url, icon=icon, form_path=form_path, list_path=list_path, words=formatting.words
    )
    environment.filters.update(moment=moment, moment_plain=_plain_moment)
    return environment


@pass_context
def moment(context: Context, value: datetime | None) -> Markup | str:
    """Return a moment as how long ago it was, with the exact time when one points at it or listens."""
    if value is None:
        return ""
    now: datetime = context["now"]
    zone: tzinfo = context["zone"]
    exact = formatting.absolute(value, zone)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), exact, formatting.relative(value, now=now)
    )


@pass_context
def _plain_moment(context: Context, value: datetime | None) -> str:
    return "" if value is None else str(escape(formatting.absolute(value, context["zone"])))
