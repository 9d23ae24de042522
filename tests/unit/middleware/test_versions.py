"""Which of two states of a document is the newer one."""

import pytest

from demitasse.middleware.model import Version


def version(sequence: int | None = None, modified: str | None = None, digest: str = "a") -> Version:
    return Version(sequence=sequence, modified=modified, digest=digest)


def test_the_first_state_is_news() -> None:
    assert version().is_news_after(None)


@pytest.mark.parametrize(
    ("new", "known", "is_news"),
    [
        (version(3), version(2), True),
        (version(2), version(2), False),
        (version(1), version(2), False),
        # A site restored from a backup counts from a lower number again.
        (version(1, "2026-11-25 12:00:00.5"), version(9, "2026-11-25 11:00:00.5"), True),
        (version(1, "2026-11-25 10:00:00.5"), version(9, "2026-11-25 11:00:00.5"), False),
        # Frappe sends no sequence: the moment of change counts where the body has it.
        (version(None, "2026-11-25 10:00:01"), version(None, "2026-11-25 10:00:00"), True),
        (version(None, "2026-11-25 10:00:00"), version(None, "2026-11-25 10:00:01"), False),
        # With neither, what comes last counts, unless it is the very same once more.
        (version(digest="b"), version(digest="a"), True),
        (version(digest="a"), version(digest="a"), False),
        (version(None, "2026-11-25 10:00:00", "b"), version(None, "2026-11-25 10:00:00", "a"), True),
        (version(4, None, "b"), version(None, None, "a"), True),
    ],
)
def test_the_newest_counts(new: Version, known: Version, is_news: bool) -> None:
    assert new.is_news_after(known) is is_news
