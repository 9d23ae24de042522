"""The composition root: a site from its settings, every port filled."""

import importlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from demitasse.app.alias import install_alias
from demitasse.app.connecting import Connecting, connecting
from demitasse.app.custom_fields import CustomFields
from demitasse.app.hooks import SiteHooks
from demitasse.app.locks import FileLocks
from demitasse.app.resolve import resolver
from demitasse.app.rules import NoExtraRules
from demitasse.apps.discovery import CORE, load_app, read_app
from demitasse.apps.installed import InstalledApps
from demitasse.apps.model import App
from demitasse.auth.credentials import Authenticator
from demitasse.auth.sessions.operations import Sessions
from demitasse.core.services import CoreServices
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import Registry
from demitasse.documents.context import DocumentContext
from demitasse.documents.noticing import AnyOf, Noticing
from demitasse.documents.publishing import Publisher
from demitasse.events.subscriptions import Subscriptions
from demitasse.frappe.context import Realtime, SiteServices
from demitasse.kernel.clock import Clock, utc_now
from demitasse.settings.errors import InvalidSettings
from demitasse.settings.load import load_settings
from demitasse.settings.model import Settings
from demitasse.sync.broker.publishing import ChangeNotes
from demitasse.sync.pushing import Pushes
from demitasse.sync.services import SyncServices
from demitasse.vault.cipher import Vault
from demitasse.vault.references import References

_SCHEDULED = {"cron": {"* * * * *": ["frappe.integrations.sync_jobs.run_due"]}}
"""What the site does on a schedule by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One opened site: its rooms, ready for calls. ``close`` it when done."""

    settings: Settings
    registry: Registry
    database: SqliteDatabase
    documents: DocumentContext
    apps: InstalledApps
    authenticator: Authenticator
    sessions: Sessions
    subscriptions: Subscriptions
    publisher: Publisher
    references: References
    vault: Vault
    clock: Clock
    services: SiteServices
    connecting: Connecting
    webhook_listeners: list[Callable[[], None]]
    credential_listeners: list[Callable[[], None]]
    noticing: Noticing
    change_notes: ChangeNotes

    @property
    def realtime(self) -> Realtime:
        """Where messages to connected clients go."""
        return self.services.realtime

    def webhooks_changed(self) -> None:
        """Tell everybody who keeps something of the webhooks that one has changed; from any thread."""
        _call_all(self.webhook_listeners)

    def close(self) -> None:
        """Write the logs that commands left to be written, and close the database."""
        try:
            if self.services.aftermath:
                tx = self.database.write()
                self.services.aftermath.run(tx)
                tx.commit()
        finally:
            self.database.close()
            self.connecting.database.close()


def open_site(path: Path, *, environ: Mapping[str, str] | None = None, clock: Clock = utc_now) -> Site:
    """Open the site in a folder.

    Args:
        environ: The environment; ``DEMITASSE_<KEY>`` wins over the site's file.

    Raises:
        InvalidSettings: there is no site here, or its settings cannot be used.
        UnknownApp: an installed app cannot be imported.
    """
    environ = os.environ if environ is None else environ
    settings = load_settings(path, environ=environ)
    install_alias()
    apps = InstalledApps(apps=(core_app(), *(load_app(name) for name in settings.installed_apps)))
    return build_site(settings, apps, environ=environ, clock=clock)


def build_site(settings: Settings, apps: InstalledApps, *, environ: Mapping[str, str], clock: Clock) -> Site:
    """Put the rooms of a site together."""
    registry = Registry()
    for app in apps:
        for doctype in app.doctypes:
            registry.register(doctype)
    custom_fields = CustomFields(registry)
    vault = Vault(settings.encryption_key)
    references = References(conf=settings.conf, environ=environ, allowed=settings.webhook_allow_secrets)
    hooks = SiteHooks()
    authenticator, sessions = Authenticator(clock=clock), Sessions()
    credential_listeners: list[Callable[[], None]] = []
    subscriptions, noticing = Subscriptions(), Noticing()
    pushes, change_notes = Pushes(), ChangeNotes()
    webhook_listeners: list[Callable[[], None]] = [subscriptions.forget, pushes.forget]
    documents = DocumentContext(
        registry=registry,
        hooks=hooks,
        observers=AnyOf(subscriptions, noticing, pushes, change_notes),
        access=NoExtraRules(),
        vault=vault,
        clock=clock,
        zone=settings.zone,
        dialect="sqlite",
    )
    publisher = Publisher(documents, subscriptions)

    def before_commit(tx: Transaction) -> None:
        publisher.publish(tx)
        pushes.publish(documents, tx, publisher.announce)
        noticing.collect(documents, tx)
        change_notes.collect(tx)

    database = SqliteDatabase(database_path(settings), before_commit=before_commit)
    _read(database, custom_fields.load)
    database.on_foreign_write.append(lambda: _read(database, custom_fields.load))

    def forget_credentials() -> None:
        authenticator.forget()
        sessions.forget()
        _call_all(credential_listeners)

    database.on_foreign_write.extend((forget_credentials, lambda: _call_all(webhook_listeners)))
    connections = connecting(settings, documents, database, references)
    services = SiteServices(
        documents=documents,
        settings=settings,
        apps=apps,
        resolve=resolver(apps),
        publisher=publisher,
        sync=SyncServices(
            context=documents,
            database=database,
            lock=FileLocks(settings.site / "locks"),
            announce=publisher.announce,
        ),
        references=references,
        forget_credentials=forget_credentials,
        connections=connections.context,
    )
    core = CoreServices(
        registry=registry,
        forget_credentials=forget_credentials,
        forget_webhooks=lambda: _call_all(webhook_listeners),
        extend_doctype=custom_fields.extend,
        documents=documents,
        host_name=settings.host_name,
    )
    hooks.connect(apps, registry, core=core, site=lambda: services)
    return Site(
        settings=settings,
        registry=registry,
        database=database,
        documents=documents,
        apps=apps,
        authenticator=authenticator,
        sessions=sessions,
        subscriptions=subscriptions,
        publisher=publisher,
        references=references,
        vault=vault,
        clock=clock,
        services=services,
        connecting=connections,
        webhook_listeners=webhook_listeners,
        credential_listeners=credential_listeners,
        noticing=noticing,
        change_notes=change_notes,
    )


def _read(database: SqliteDatabase, work: Callable[[Transaction], None]) -> None:
    tx = database.read()
    try:
        work(tx)
    finally:
        tx.rollback()


def _call_all(listeners: Iterable[Callable[[], None]]) -> None:
    for listener in listeners:
        listener()


def core_app() -> App:
    """Return the built-in app."""
    package = importlib.import_module("demitasse.core")
    return read_app(
        CORE, Path(next(iter(package.__path__))), package="demitasse.core", hooks={"scheduler_events": _SCHEDULED}
    )


def database_path(settings: Settings) -> Path:
    """Return the file of an SQLite database; a relative one lies in the site's folder.

    Raises:
        InvalidSettings: the URL is for another database.
    """
    parts = urlsplit(settings.database_url)
    if parts.scheme != "sqlite" or not parts.path.strip("/"):
        message = f"database_url {parts.scheme}:// cannot be used: write sqlite:///site.db"
        raise InvalidSettings(message, key="database_url")
    return settings.site / parts.path.removeprefix("/")
