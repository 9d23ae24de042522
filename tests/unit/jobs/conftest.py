from collections.abc import Iterator
from pathlib import Path

import pytest

from demitasse.db.sqlite import SqliteDatabase
from tests.unit.jobs.site import open_database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    found = open_database(tmp_path / "site.db")
    yield found
    found.close()
