"""One site is made for all; each test works on a copy."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.app.install import new_site
from demitasse.app.site import open_site
from tests.unit.connect.plant import Plant, make_documents, opened_plant


@pytest.fixture(scope="session")
def connect_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("connect") / "site"
    new_site(path, conf={"host_name": "https://shop.test"}, environ={})
    site = open_site(path, environ={})
    make_documents(site)
    site.close()
    return path


@pytest.fixture
def plant(connect_site: Path, tmp_path: Path) -> Iterator[Plant]:
    shutil.copytree(connect_site, tmp_path / "site")
    with opened_plant(tmp_path / "site") as found:
        yield found
