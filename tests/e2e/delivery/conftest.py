from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.e2e.delivery.plant import Plant
from tests.e2e.receiver import Receiver


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    found = Plant(tmp_path / "site.db")
    yield found
    await found.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found
