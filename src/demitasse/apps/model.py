"""An app: a package with a ``hooks.py`` and DocTypes, in Frappe's layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demitasse.doctypes.model import DocType

DocEvents = Mapping[str, Mapping[str, tuple[str, ...]]]
"""DocType (or ``*``) → event → dotted paths of functions, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """What an installed app brings.

    Args:
        path: The folder of its package.
        hooks: The names that ``hooks.py`` sets, as they are.
        controllers: DocType → dotted path of the module that may hold its controller.
    """

    name: str
    path: Path
    hooks: Mapping[str, Any]
    doctypes: tuple[DocType, ...]
    controllers: Mapping[str, str]
    patches: tuple[str, ...]

    @property
    def required_apps(self) -> tuple[str, ...]:
        """Names of the apps that must be installed before this one."""
        return tuple(name.rpartition("/")[2] for name in self.paths("required_apps"))

    @property
    def doc_events(self) -> DocEvents:
        """The functions that document events call."""
        events = self.hooks.get("doc_events") or {}
        return {
            doctype: {event: _paths(paths) for event, paths in by_event.items()} for doctype, by_event in events.items()
        }

    def paths(self, hook: str) -> tuple[str, ...]:
        """Return the value of a hook that is one text or a list of texts."""
        return _paths(self.hooks.get(hook))


def _paths(value: Any) -> tuple[str, ...]:
    if not value:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
