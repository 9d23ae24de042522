"""Which code runs at an event of a document: core's controllers, the apps' controllers, the apps' ``doc_events``."""

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from demitasse.apps.discovery import CORE
from demitasse.apps.installed import InstalledApps
from demitasse.apps.model import App
from demitasse.auth.model import Actor
from demitasse.core.services import Controller, CoreServices
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from demitasse.frappe.calling import run_controller, run_doc_event
from demitasse.frappe.context import SiteServices
from demitasse.frappe.model.document import Document, set_controller

EVENTS = (
    "before_insert",
    "autoname",
    "before_validate",
    "validate",
    "before_save",
    "after_insert",
    "on_update",
    "on_change",
    "before_submit",
    "on_submit",
    "before_cancel",
    "on_cancel",
    "before_update_after_submit",
    "on_update_after_submit",
    "on_trash",
    "after_delete",
)


class SiteHooks:
    """The handlers of every DocType, put together once when the site opens."""

    def __init__(self) -> None:
        self._handlers: dict[str, Mapping[str, Handler]] = {}
        self._threaded: set[str] = set()

    def handlers(self, doctype: DocType) -> Mapping[str, Handler]:
        """Return the handlers of a DocType by event."""
        return self._handlers.get(doctype.name, _NONE)

    def is_inline_safe(self, doctype: DocType) -> bool:
        """Return whether nothing that runs for the DocType can block."""
        return doctype.name not in self._threaded

    def connect(
        self,
        apps: InstalledApps,
        doctypes: Iterable[DocType],
        *,
        core: CoreServices,
        site: Callable[[], SiteServices],
    ) -> None:
        """Find the code of every DocType.

        Args:
            site: Returns the site's services when a handler runs.
        """
        self._handlers.clear()
        self._threaded.clear()
        for doctype in doctypes:
            found: dict[str, list[Handler]] = {}
            if doctype.app == CORE:
                self._connect_core(apps.get(CORE), doctype, found, core)
            elif doctype.app in apps.names():
                self._connect_controller(apps.get(doctype.app), doctype, found, site)
            self._connect_doc_events(apps, doctype, found, site)
            if found:
                self._handlers[doctype.name] = {event: _in_turn(handlers) for event, handlers in found.items()}

    def _connect_core(
        self, app: App, doctype: DocType, found: dict[str, list[Handler]], services: CoreServices
    ) -> None:
        path = app.controllers.get(doctype.name)
        if path is None:
            return
        module = importlib.import_module(path)
        make = cast("Controller", module.handlers)
        for event, handler in make(services).items():
            found.setdefault(event, []).append(handler)
        if not getattr(module, "INLINE_SAFE", True):
            self._threaded.add(doctype.name)

    def _connect_controller(
        self,
        app: App,
        doctype: DocType,
        found: dict[str, list[Handler]],
        site: Callable[[], SiteServices],
    ) -> None:
        path = app.controllers.get(doctype.name)
        if path is None:
            return
        controller = _controller_class(importlib.import_module(path), doctype)
        if controller is None:
            return
        set_controller(doctype.name, controller)
        for event in EVENTS:
            if hasattr(controller, event):
                found.setdefault(event, []).append(run_controller(event, site))
        if found and not controller.inline_safe:
            self._threaded.add(doctype.name)

    def _connect_doc_events(
        self,
        apps: InstalledApps,
        doctype: DocType,
        found: dict[str, list[Handler]],
        site: Callable[[], SiteServices],
    ) -> None:
        for app in apps:
            events = app.doc_events
            for by_event in (events.get(doctype.name), events.get("*")):
                for event, paths in (by_event or {}).items():
                    for path in paths:
                        found.setdefault(event, []).append(run_doc_event(event, path, site))
                        self._threaded.add(doctype.name)


_NONE: Mapping[str, Handler] = {}


def _controller_class(module: Any, doctype: DocType) -> type[Document] | None:
    found = getattr(module, doctype.name.replace(" ", "").replace("-", ""), None)
    return found if inspect.isclass(found) and issubclass(found, Document) else None


def _in_turn(handlers: list[Handler]) -> Handler:
    if len(handlers) == 1:
        return handlers[0]

    def run(record: Record, tx: Transaction, actor: Actor) -> None:
        for handler in handlers:
            handler(record, tx, actor)

    return run
