"""The pytest plug-in for apps: a test in an app's package runs inside a call on a site that has the app installed.

The site is made once for each app and session, in a temporary folder. Each test is a transaction of its own that is rolled
back; a test that commits leaves what it committed to those after it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

_SITES = "demitasse_sites"


@pytest.fixture(scope="session")
def demitasse_sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Keep the sites of this session, by app, and close them at its end."""
    sites: dict[str, Any] = {"folder": tmp_path_factory.mktemp("sites")}
    yield sites
    sites.pop("folder")
    for site in sites.values():
        site.close()


@pytest.fixture(autouse=True)
def demitasse_call(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a test of an app inside a call; other tests are left alone."""
    app = _app_of(request.path)
    if app is None:
        yield
        return
    # Imported here, so that a run without app tests does not load the server.
    from demitasse.auth.model import ADMINISTRATOR_ACTOR  # noqa: PLC0415
    from demitasse.frappe.context import Call, bound  # noqa: PLC0415

    site = _site_of(app, request.getfixturevalue(_SITES))
    tx = site.database.write()
    try:
        with bound(Call(site=site.services, tx=tx, actor=ADMINISTRATOR_ACTOR)):
            yield
    finally:
        tx.rollback()


def pytest_configure() -> None:
    """Make ``import frappe`` work before an app's tests are imported."""
    from demitasse.app.alias import install_alias  # noqa: PLC0415 - as above

    install_alias()


def _app_of(path: Path) -> str | None:
    """Return the app that a test file belongs to: the package around it that has a ``hooks.py``."""
    if "site-packages" in path.parts:
        return None
    return next((folder.name for folder in path.parents if (folder / "hooks.py").is_file()), None)


def _site_of(app: str, sites: dict[str, Any]) -> Any:
    if app not in sites:
        from demitasse.app.install import new_site  # noqa: PLC0415 - as above
        from demitasse.app.site import open_site  # noqa: PLC0415 - as above

        folder = sites["folder"] / app
        new_site(folder, apps=[app])
        sites[app] = open_site(folder)
    return sites[app]
