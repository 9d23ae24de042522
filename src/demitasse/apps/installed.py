"""The apps of a site, and what the ``installed_app`` and ``patch_log`` tables keep of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from demitasse.apps.errors import UnknownApp
from demitasse.apps.model import App
from demitasse.db.schema import ColumnSpec, TableSpec
from demitasse.db.transaction import Transaction
from demitasse.doctypes.field_types import Storage

PATCH_LOG = TableSpec(
    name="patch_log",
    columns=(
        ColumnSpec(name="patch", storage=Storage.SHORT_TEXT, length=255),
        ColumnSpec(name="app", storage=Storage.SHORT_TEXT, nullable=False),
    ),
    primary_key=("patch",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledApps:
    """The apps of a site in the order of installation; the built-in one comes first."""

    apps: tuple[App, ...]

    def __iter__(self) -> Iterator[App]:
        return iter(self.apps)

    def names(self) -> tuple[str, ...]:
        """Return the names in order."""
        return tuple(app.name for app in self.apps)

    def get(self, name: str) -> App:
        """Return one app.

        Raises:
            UnknownApp: the site does not have it.
        """
        for app in self.apps:
            if app.name == name:
                return app
        message = f"App {name} is not installed"
        raise UnknownApp(message, app=name)

    def hook(self, name: str) -> tuple[str, ...]:
        """Return the values of a hook from all apps, in order."""
        return tuple(path for app in self.apps for path in app.paths(name))


def patches_to_run(tx: Transaction, app: App) -> tuple[str, ...]:
    """Return the patches of an app that have not been run on this site."""
    done = {row[0] for row in tx.execute('SELECT "patch" FROM "patch_log" WHERE "app" = ?', (app.name,))}
    return tuple(patch for patch in app.patches if patch not in done)


def note_patches(tx: Transaction, app: App, patches: Iterable[str]) -> None:
    """Remember that patches need not be run again."""
    tx.run_many('INSERT INTO "patch_log" ("patch", "app") VALUES (?, ?)', [(patch, app.name) for patch in patches])
