"""A real site in a folder of its own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.app.install import new_site
from tests.unit.frappe_room.calls import CONF, TestSite, opened_site


@pytest.fixture(scope="session")
def made_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("frappe_room") / "site"
    new_site(path, conf=CONF, environ={})
    return path


@pytest.fixture
def site(made_site: Path, tmp_path: Path) -> Iterator[TestSite]:
    shutil.copytree(made_site, tmp_path / "site")
    with opened_site(tmp_path / "site") as found:
        yield found
