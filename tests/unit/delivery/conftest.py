from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.delivery.kit import Kit


@pytest.fixture
async def kit(tmp_path: Path) -> AsyncIterator[Kit]:
    found = Kit(tmp_path / "site.db")
    yield found
    await found.close()
