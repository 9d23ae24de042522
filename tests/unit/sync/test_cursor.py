"""A walk over a source's documents sees each of them, however many share a moment and whatever order they come in."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from demitasse.sync.cursor import (
    ListRequest,
    Reading,
    SecondWalk,
    advance,
    clock_went_back,
    earlier,
    is_restored,
    look_back_from,
    text_of,
)
from demitasse.sync.model import START, Position

BASE = datetime(2026, 1, 31, 10, 0, 0)  # noqa: DTZ001 - a source's naive moments
NOW = "2026-01-31 12:00:00.000000"
moments = st.integers(0, 4_000_000).map(lambda us: (BASE + timedelta(microseconds=us)).isoformat(" ", "microseconds"))
places = st.builds(Position, moments, st.text("abcxyz", min_size=1, max_size=3))


class Shelf:
    """A list as Frappe answers it: rows from a moment on, an offset, a limit; perhaps it compares whole seconds."""

    def __init__(self, rows: list[Position], *, whole_seconds: bool, most: int) -> None:
        self.rows = sorted(rows)
        self._whole_seconds = whole_seconds
        self._most = most

    def answer(self, asked: ListRequest) -> list[Position]:
        length = 19 if self._whole_seconds else 26
        found = [row for row in self.rows if row.modified[:length] >= asked.since[:length]]
        return found[asked.offset : asked.offset + min(asked.limit, self._most)]


def walked(shelf: Shelf, start: Position, limit: int) -> list[Position]:
    walk, seen, has_more = SecondWalk.behind(start), [], True
    while has_more:
        asked = walk.request(limit)
        walk, fresh, has_more = walk.digest(asked, shelf.answer(asked))
        seen += fresh
    return seen


@given(
    rows=st.lists(places, unique=True, max_size=60),
    limit=st.integers(2, 9),
    most=st.integers(2, 9),
    whole_seconds=st.booleans(),
)
def test_a_walk_sees_every_row_once_and_in_order(
    rows: list[Position], limit: int, most: int, whole_seconds: bool
) -> None:
    shelf = Shelf(rows, whole_seconds=whole_seconds, most=most)
    assert walked(shelf, START, limit) == sorted(rows)


@given(rows=st.lists(places, unique=True, min_size=1, max_size=60), limit=st.integers(2, 9), data=st.data())
def test_a_walk_goes_on_behind_any_row(rows: list[Position], limit: int, data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(rows))
    shelf = Shelf(rows, whole_seconds=True, most=100)
    assert walked(shelf, start, limit) == sorted(row for row in rows if row > start)


def test_more_rows_than_three_pages_in_one_moment_are_passed() -> None:
    rows = [Position("2026-01-31 10:00:00.000001", f"R{number:03}") for number in range(31)]
    assert walked(Shelf(rows, whole_seconds=True, most=100), START, 10) == rows


def test_a_row_that_leaves_the_second_under_way_hides_no_other() -> None:
    rows = [Position("2026-01-31 10:00:00.000001", f"R{number:03}") for number in range(9)]
    shelf = Shelf(rows, whole_seconds=True, most=100)
    walk = SecondWalk.behind(START)
    asked = walk.request(4)
    walk, seen, _ = walk.digest(asked, shelf.answer(asked))
    shelf.rows.remove(rows[0])  # edited: it now stands at the end
    shelf.rows.append(Position("2026-01-31 10:00:05.000000", "R000"))
    has_more = True
    while has_more:
        asked = walk.request(4)
        walk, fresh, has_more = walk.digest(asked, shelf.answer(asked))
        seen += fresh
    assert seen[4:] == [*rows[4:], Position("2026-01-31 10:00:05.000000", "R000")]


@given(seen=places, page=st.lists(places, max_size=20), data=st.data())
def test_the_watermark_is_the_greatest_seen_and_never_goes_back(
    seen: Position, page: list[Position], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(page))
    reached = advance(seen, shuffled, now=NOW)
    assert reached == max([seen, *page])


def test_the_watermark_does_not_enter_the_sources_future() -> None:
    future = Position("2026-01-31 12:00:01.000000", "R1")
    assert advance(START, [future], now=NOW) == START


@given(seen=places, lookback_s=st.integers(0, 120))
def test_looking_back_starts_before_the_watermark_and_before_the_present(seen: Position, lookback_s: int) -> None:
    place = look_back_from(seen, now=NOW, lookback_s=lookback_s)
    assert place < seen
    assert place.modified == earlier(seen.modified, seconds=lookback_s)


def test_what_was_old_at_the_last_look_is_not_looked_at_again() -> None:
    seen = Position("2026-01-31 10:00:00.000000", "A")
    place = look_back_from(seen, now=NOW, lookback_s=60, last_look="2026-01-31 10:00:30.000000")
    assert place == Position("2026-01-31 09:59:30.000000", "")
    assert look_back_from(seen, now=NOW, lookback_s=60, last_look="2026-01-31 11:00:00.000000") > seen


def test_a_clock_that_was_put_back_is_seen() -> None:
    before = "2026-10-25 02:59:00.000000"  # summer time ends: the hour comes again
    assert clock_went_back(before, Reading(source_now="2026-10-25 02:01:00.000000", elapsed_s=120), tolerance_s=30)


def test_a_clock_that_was_put_back_and_passed_again_is_seen_by_what_went_by_here() -> None:
    before = "2026-10-25 02:30:00.000000"
    assert clock_went_back(before, Reading(source_now="2026-10-25 02:40:00.000000", elapsed_s=4200), tolerance_s=30)


def test_a_clock_that_goes_as_ours_does_is_no_alarm() -> None:
    before = "2026-10-25 02:30:00.000000"
    reading = Reading(source_now="2026-10-25 02:40:00.000000", elapsed_s=605)
    assert not clock_went_back(before, reading, tolerance_s=30)


def test_a_source_that_is_older_than_what_was_read_of_it_was_restored() -> None:
    seen = Position("2026-01-31 10:00:00.000000", "A")
    assert is_restored(seen, Position("2026-01-31 09:00:00.000000", "Z"))
    assert is_restored(seen, None)
    assert not is_restored(seen, seen)
    assert not is_restored(START, None)


def test_moments_of_every_form_compare() -> None:
    assert text_of("2026-01-31 10:00:00") == "2026-01-31 10:00:00.000000"
    assert text_of("2026-01-31T10:00:00.5") == "2026-01-31 10:00:00.500000"
