"""P7: a pull that is killed at any moment goes on where it was, and both sites are equal in the end."""

from pathlib import Path

from tests.e2e.site import MadeSite
from tests.e2e.sync.crashing import crash, differences, prepare

COUNT = 2_000
PAGE_SIZE = 20
"""Many pages: a run has commits ahead of it wherever it is killed."""
KILLS = 20


def test_p7_killed_twenty_times_while_the_source_is_edited(made_site: MadeSite, tmp_path: Path) -> None:
    hq, outlet = prepare(made_site, tmp_path, count=COUNT, page_size=PAGE_SIZE)
    try:
        found = crash(hq, outlet, count=COUNT, kills=KILLS)
        assert found.kills == KILLS
        assert found.edits > KILLS
        assert differences(hq, outlet) == []
    finally:
        hq.close()
        outlet.close()
