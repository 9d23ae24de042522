"""One pair of sites for all tests of a module: they use names of their own, and rules that filter for them."""

from collections.abc import Iterator

import pytest

from tests.e2e.site import MadeSite
from tests.e2e.sync.pair import Pair


@pytest.fixture(scope="module")
def pair(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """HQ and an outlet, with groups and customers and no items."""
    found = Pair(made_site, tmp_path_factory.mktemp("pair"))
    try:
        yield found
    finally:
        found.close()
