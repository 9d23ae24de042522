"""Where one can go from a page: the sidebar, breadcrumbs, what search finds, what wants attention."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote

from demitasse.auth.model import Actor, Reach, reach
from demitasse.doctypes.model import DocType, Registry

ROOT = "/app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line of the sidebar.

    Args:
        icon: A symbol of ``static/icons.svg``.
        group: The heading it stands under; empty stands at the top.
        is_for: Whether it is shown to an actor.
    """

    label: str
    href: str
    icon: str
    group: str = ""
    is_for: Callable[[Actor], bool] = field(default=lambda _: True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing that search offers.

    Args:
        hint: What kind of thing it is.
    """

    label: str
    href: str
    hint: str = ""
    icon: str = "file-text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something on the home page that wants to be looked at.

    Args:
        level: ``danger``, ``warning`` or ``info``.
    """

    text: str
    href: str
    level: str = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """One step of the way to a page; the last has no ``href``."""

    label: str
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A heading of the sidebar with its lines."""

    label: str
    entries: tuple[Entry, ...]


def slug(doctype: str) -> str:
    """Return a DocType's name as paths have it: lower case, dashes for spaces."""
    return doctype.lower().replace(" ", "-")


def list_path(doctype: str) -> str:
    """Return where the list of a DocType is (or the form of a single)."""
    return f"{ROOT}/{quote(slug(doctype), safe='')}"


def form_path(doctype: str, name: str) -> str:
    """Return where the form of a document is."""
    return f"{list_path(doctype)}/{quote(name, safe='')}"


def by_slug(registry: Registry, text: str) -> DocType | None:
    """Return the DocType that a path names; child tables have no pages."""
    return next((each for each in registry if not each.is_table and slug(each.name) == text), None)


def may_open(doctype: DocType, actor: Actor) -> bool:
    """Return whether an actor may see the DocType's pages at all."""
    return not doctype.is_table and reach(doctype, "read", actor) is not Reach.NONE


def doctype_groups(registry: Registry, actor: Actor, *, shown: Iterable[Group] = ()) -> tuple[Group, ...]:
    """Return the DocTypes that an actor may open, by module.

    Args:
        shown: Groups that stand beside these: a list with a line there gets none here.
    """
    elsewhere = {entry.href for group in shown for entry in group.entries}
    modules: dict[str, list[Entry]] = {}
    for doctype in registry:
        if may_open(doctype, actor) and list_path(doctype.name) not in elsewhere:
            icon = "settings" if doctype.is_single else "file-text"
            entry = Entry(label=doctype.name, href=list_path(doctype.name), icon=icon)
            modules.setdefault(doctype.module, []).append(entry)
    return tuple(
        Group(label=module, entries=tuple(sorted(modules[module], key=lambda entry: entry.label)))
        for module in sorted(modules)
    )


def groups_of(entries: Iterable[Entry], actor: Actor) -> tuple[Group, ...]:
    """Return the pages that an actor may open, by their headings, in their own order."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.is_for(actor):
            found.setdefault(entry.group, []).append(entry)
    return tuple(Group(label=label, entries=tuple(lines)) for label, lines in found.items())
