"""Making a site, installing apps on it, and bringing it up to date. Each step can be run again."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from demitasse.app.alias import install_alias
from demitasse.app.jobs import sync_schedules
from demitasse.app.site import Site, build_site, core_app, open_site
from demitasse.apps.discovery import load_app
from demitasse.apps.errors import InvalidApp
from demitasse.apps.installed import PATCH_LOG, InstalledApps, note_patches, patches_to_run
from demitasse.apps.model import App
from demitasse.auth.keys.operations import generate_keys
from demitasse.auth.model import ADMINISTRATOR, ADMINISTRATOR_ACTOR, GUEST
from demitasse.auth.operations import check_new_password, set_password
from demitasse.auth.tables import CREDENTIAL_TABLES
from demitasse.connect.tables import CONNECT_TABLES
from demitasse.db.schema import ensure_tables
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import building, operations, store
from demitasse.documents.tables import document_tables
from demitasse.frappe.context import Call, bound
from demitasse.incoming.tables import INCOMING_TABLES
from demitasse.jobs.tables import JOB_TABLES
from demitasse.kernel.clock import Clock, utc_now
from demitasse.kernel.ids import random_secret
from demitasse.outbox.tables import OUTBOX_TABLES
from demitasse.settings.errors import InvalidSettings
from demitasse.settings.load import load_settings, read_config, write_config
from demitasse.sync.tables import SYNC_TABLES
from demitasse.vault.cipher import new_key

Tell = Callable[[str], None]
_ROLES = ("Administrator", "System Manager", "Guest", "All", "Desk User")
_PASSWORD_BYTES = 12


def _say_nothing(_line: str) -> None:
    """Take a line and do nothing with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSite:
    """What the maker of a site must be told; the secrets cannot be read again."""

    site: str
    api_key: str
    api_secret: str
    admin_password: str
    installed_apps: tuple[str, ...]


def new_site(
    path: Path,
    *,
    apps: Iterable[str] = (),
    conf: Mapping[str, Any] | None = None,
    database_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    tell: Tell = _say_nothing,
) -> NewSite:
    """Make a site in a folder that is not there or is empty.

    Args:
        apps: Names of apps to install, in order; apps that they require are added before them.
        conf: Further keys of ``site_config.json``.
        tell: Called with a line for each step.

    Raises:
        InvalidSettings: there is something in the folder already.
        UnknownApp: an app cannot be found; nothing is left behind.
    """
    if path.exists() and any(path.iterdir()):
        message = f"{path} is not empty: choose another folder for the new site"
        raise InvalidSettings(message, site=str(path))
    install_alias()
    wanted = with_required(apps)
    path.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "encryption_key": new_key(),
        **({"database_url": database_url} if database_url else {}),
        **(conf or {}),
        "installed_apps": [],
    }
    write_config(path, config)
    password = random_secret(_PASSWORD_BYTES)
    with _opened(path, environ=environ, clock=clock) as site:
        tell("making tables")
        _ensure(site)
        tx = site.database.write()
        _standard_documents(site, tx)
        set_password(tx, ADMINISTRATOR, password)
        key, secret = _generate(site, tx, ADMINISTRATOR)
        tx.commit()
    for app in wanted:
        tell(f"installing {app.name}")
        install_app(path, app.name, environ=environ, clock=clock, tell=tell)
    return NewSite(
        site=str(path.resolve()),
        api_key=key,
        api_secret=secret,
        admin_password=password,
        installed_apps=tuple(app.name for app in wanted),
    )


def install_app(
    path: Path,
    name: str,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    tell: Tell = _say_nothing,
) -> tuple[str, ...]:
    """Install an app, after those that it requires, and return the names of what was installed.

    ``before_install`` runs when the DocTypes of the required apps are there, ``after_install`` when its own are. What
    an app writes is one transaction: when its ``after_install`` fails, it is not installed.

    Raises:
        UnknownApp: it cannot be found.
    """
    environ = os.environ if environ is None else environ
    install_alias()
    settings = load_settings(path, environ=environ)
    done: list[str] = []
    for app in with_required([name]):
        if app.name in settings.installed_apps:
            continue
        before = [core_app(), *(load_app(installed) for installed in settings.installed_apps)]
        settings = replace(settings, installed_apps=(*settings.installed_apps, app.name))
        site = build_site(settings, InstalledApps(apps=(*before, app)), environ=environ, clock=clock)
        try:
            tell(f"{app.name}: tables")
            _install_one(site, app)
        finally:
            site.close()
        config = read_config(path)
        config["installed_apps"] = list(settings.installed_apps)
        write_config(path, config)
        done.append(app.name)
    return tuple(done)


def migrate(
    path: Path,
    *,
    environ: Mapping[str, str] | None = None,
    clock: Clock = utc_now,
    tell: Tell = _say_nothing,
) -> list[str]:
    """Bring tables up to date, run patches that have not run, then ``after_migrate``; return what was done."""
    done: list[str] = []
    with _opened(path, environ=environ, clock=clock) as site:
        done += _ensure(site)
        tx = site.database.write()
        _standard_documents(site, tx)
        tx.commit()
        for app in site.apps:
            patches = patches_to_run(tx, app)
            for patch in patches:
                tell(f"{app.name}: patch {patch}")
                _call(site, tx, _patch_path(patch))
                note_patches(tx, app, [patch])
                tx.commit()
                done.append(f"ran patch {patch}")
        done += sync_schedules(site, tx)
        tx.commit()
        for app in site.apps:
            for function in app.paths("after_migrate"):
                tell(f"{app.name}: {function}")
                _call(site, tx, function)
                tx.commit()
        tx.rollback()
    return done


def make_keys(
    path: Path, user: str, *, environ: Mapping[str, str] | None = None, clock: Clock = utc_now
) -> tuple[str, str]:
    """Give a user a new API key and return it with its secret.

    Raises:
        DocumentNotFound: there is no such user.
    """
    with _opened(path, environ=environ, clock=clock) as site:
        tx = site.database.write()
        store.load(site.documents, tx, site.registry.get("User"), user)
        keys = _generate(site, tx, user)
        tx.commit()
    return keys


def change_password(
    path: Path, user: str, password: str, *, environ: Mapping[str, str] | None = None, clock: Clock = utc_now
) -> None:
    """Set a user's password and end the user's sessions.

    Raises:
        DocumentNotFound: there is no such user.
        WeakPassword: the password is too short.
    """
    check_new_password(password)
    with _opened(path, environ=environ, clock=clock) as site:
        tx = site.database.write()
        store.load(site.documents, tx, site.registry.get("User"), user)
        set_password(tx, user, password)
        tx.commit()


def with_required(names: Iterable[str]) -> list[App]:
    """Return the apps and those that they require, each after what it requires.

    Raises:
        UnknownApp: one cannot be found.
        InvalidApp: apps require each other in a circle.
    """
    ordered: list[App] = []

    def add(name: str, waiting: tuple[str, ...]) -> None:
        if any(app.name == name for app in ordered) or name in {"frappe", "erpnext"}:
            return
        if name in waiting:
            message = f"The apps {', '.join(waiting)} require each other in a circle"
            raise InvalidApp(message, app=name)
        app = load_app(name)
        for required in app.required_apps:
            add(required, (*waiting, name))
        ordered.append(app)

    for name in names:
        add(name, ())
    return ordered


def _install_one(site: Site, app: App) -> None:
    _ensure(site, (doctype for doctype in site.registry if doctype.app != app.name))
    tx = site.database.write()
    try:
        for function in app.paths("before_install"):
            _call(site, tx, function)
        _ensure(site, tx=tx)
        _roles(site, tx)
        for function in app.paths("after_install"):
            _call(site, tx, function)
        note_patches(tx, app, patches_to_run(tx, app))
        sync_schedules(site, tx)
        tx.commit()
    except BaseException:
        tx.rollback()
        raise


def _ensure(site: Site, doctypes: Iterable[DocType] | None = None, *, tx: Transaction | None = None) -> list[str]:
    own = tx or site.database.write()
    tables = [*CREDENTIAL_TABLES, PATCH_LOG, *OUTBOX_TABLES, *INCOMING_TABLES, *CONNECT_TABLES, *JOB_TABLES]
    tables += SYNC_TABLES
    changes = ensure_tables(own, [*tables, *document_tables(site.registry if doctypes is None else doctypes)])
    if tx is None:
        own.commit()
    return changes


def _standard_documents(site: Site, tx: Transaction) -> None:
    users = {
        ADMINISTRATOR: {"email": "admin@example.com", "first_name": "Administrator"},
        GUEST: {"email": "guest@example.com", "first_name": "Guest", "user_type": "Website User"},
    }
    for role in _ROLES:
        _insert_missing(site, tx, "Role", role, {"role_name": role})
    _roles(site, tx)
    for name, values in users.items():
        _insert_missing(site, tx, "User", name, values)


def _roles(site: Site, tx: Transaction) -> None:
    """Make the roles that DocTypes name in their permissions."""
    for role in sorted({permission.role for doctype in site.registry for permission in doctype.permissions}):
        _insert_missing(site, tx, "Role", role, {"role_name": role})


def _insert_missing(site: Site, tx: Transaction, doctype: str, name: str, values: Mapping[str, Any]) -> None:
    meta = site.registry.get(doctype)
    if store.exists(tx, meta, name):
        return
    record = building.new_record(site.documents, meta, {**values, "name": name})
    record.flags.update(name_set=True, ignore_links=True)
    operations.insert(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)


def _generate(site: Site, tx: Transaction, user: str) -> tuple[str, str]:
    key, secret = generate_keys(tx, user, now=site.clock())
    operations.set_values(
        site.documents,
        tx,
        site.registry.get("User"),
        user,
        {"api_key": key},
        actor=ADMINISTRATOR_ACTOR,
        moves_modified=False,
    )
    return key, secret


def _call(site: Site, tx: Transaction, path: str) -> None:
    with bound(Call(site=site.services, tx=tx, actor=ADMINISTRATOR_ACTOR)):
        site.services.resolve(path)()


def _patch_path(patch: str) -> str:
    """Return the function of a patch: a module's ``execute``, or the function that is named."""
    word = patch.split(maxsplit=1)[0]
    return word if word.endswith(".execute") else f"{word}.execute"


@contextmanager
def _opened(path: Path, *, environ: Mapping[str, str] | None, clock: Clock) -> Iterator[Site]:
    site = open_site(path, environ=environ, clock=clock)
    try:
        yield site
    finally:
        site.close()
