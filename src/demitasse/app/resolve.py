"""From a dotted path to a function: of an installed app, or of the ``frappe`` room."""

import importlib
from collections.abc import Callable
from typing import Any

from demitasse.apps.installed import InstalledApps

_SHORT_NAMES = {
    "ping": "frappe.ping",
    "login": "frappe.auth.login",
    "logout": "frappe.auth.logout",
    "version": "frappe.version",
}


def resolver(apps: InstalledApps) -> Callable[[str], Callable[..., Any]]:
    """Return a function that finds functions by dotted path, and remembers them."""
    found: dict[str, Callable[..., Any]] = {}
    roots = {"frappe", *apps.names()}

    def resolve(path: str) -> Callable[..., Any]:
        function = found.get(path)
        if function is None:
            function = found[path] = _import(_SHORT_NAMES.get(path, path), roots)
        return function

    return resolve


def _import(path: str, roots: set[str]) -> Callable[..., Any]:
    """Return the function at a path.

    Raises:
        ImportError: the app is not installed, or has no such module.
        AttributeError: the module has no such function.
    """
    module, dot, name = path.rpartition(".")
    root = module.partition(".")[0]
    if not dot or root not in roots:
        message = f"App {root or path} is not installed"
        raise ImportError(message)
    function = getattr(importlib.import_module(module), name)
    if not callable(function):
        message = f"{path} is not a function"
        raise AttributeError(message)  # noqa: TRY004 - to the caller the function is missing
    return function  # type: ignore[no-any-return]
