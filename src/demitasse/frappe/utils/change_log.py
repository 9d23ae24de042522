"""Versions of the installed apps."""

import importlib
from typing import Any

import demitasse.frappe as room
from demitasse.apps.discovery import CORE
from demitasse.frappe.context import current
from demitasse.frappe.whitelisting import whitelist


@whitelist(inline=True)
def get_versions() -> dict[str, dict[str, Any]]:
    """Return title, description and version of each installed app, ``frappe`` (the dialect that is spoken) first."""
    found = {"frappe": {"title": "Framework", "description": "Demitasse", "version": room.__version__}}
    for app in current().site.apps:
        if app.name == CORE:
            continue
        found[app.name] = {
            "title": app.hooks.get("app_title") or app.name,
            "description": app.hooks.get("app_description") or "",
            "version": str(getattr(importlib.import_module(app.name), "__version__", "0.0.1")),
        }
    return found
