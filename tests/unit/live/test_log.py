"""The log's bounds, and what cursors find in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.live.errors import InvalidPublication
from demitasse.live.log import Log
from demitasse.live.model import Cursor, Limits, Message, cursor_text, make_message, parse_cursor

EVERYTHING = 1_000_000


def message(n: int, *, topic: str = "notes", key: str | None = None) -> Message:
    return make_message(topic, "note", {"n": n}, key=key)


def filled(count: int, limits: Limits, *, key: str | None = None) -> Log:
    log = Log("life", limits=limits)
    for n in range(1, count + 1):
        log.append(message(n, key=key), (n,), now_s=float(n))
    return log


def test_it_keeps_no_more_than_its_number_of_entries() -> None:
    log = filled(5000, Limits(log_entries=100))
    assert len(log) == 100
    assert (log.floor, log.head) == (4900, 5000)


def test_it_keeps_no_more_than_its_number_of_bytes() -> None:
    log = filled(1000, Limits(log_bytes=10_000))
    assert log.size_bytes <= 10_000
    assert 50 < len(log) < 1000


def test_it_keeps_nothing_that_is_too_old() -> None:
    log = filled(10, Limits(log_age_s=5.0))
    log.evict(now_s=12.0)
    assert (len(log), log.floor) == (4, 6)


@pytest.mark.parametrize(("place", "found"), [((10,), 10), ((7,), 7), ((6,), 6), ((5,), None), ((11,), None)])
def test_a_cursor_is_found_as_far_back_as_nothing_is_lost(place: tuple[int, ...], found: int | None) -> None:
    log = filled(10, Limits(log_entries=4))
    assert log.locate(Cursor(epoch="life", place=place)) == found


def test_a_cursor_of_another_life_or_form_is_not_found() -> None:
    log = filled(10, Limits())
    assert log.locate(Cursor(epoch="before", place=(5,))) is None
    assert log.locate(Cursor(epoch="life", place=(5, 0))) is None
    log.restart("after", start=(0,))
    assert log.locate(Cursor(epoch="life", place=(5,))) is None
    assert log.locate(log.cursor) == log.head


def test_states_that_were_replaced_may_go_without_anybody_missing_them() -> None:
    log = filled(1000, Limits(log_entries=10), key="cone")
    assert log.floor == 0
    found, position = log.read(0, {"notes": 0}, skips_superseded=True, limit_bytes=EVERYTHING)
    assert [entry.ordinal for entry in found] == [1000]
    assert position == 1000


def test_the_newest_state_that_goes_is_missed() -> None:
    log = Log("life", limits=Limits(log_entries=2))
    log.append(message(1, key="cone"), (1,), now_s=0.0)
    log.append(message(2), (2,), now_s=0.0)
    log.append(message(3), (3,), now_s=0.0)
    assert log.floor == 1


def test_reading_stops_at_a_number_of_bytes_and_goes_on_from_there() -> None:
    log, position, found = filled(100, Limits()), 0, []
    while position < log.head:
        entries, position = log.read(position, {"notes": 0}, skips_superseded=False, limit_bytes=500)
        assert len(entries) < 20
        found += [entry.ordinal for entry in entries]
    assert found == list(range(1, 101))


def test_only_wanted_topics_are_read_and_only_from_where_they_are_wanted() -> None:
    log = Log("life", limits=Limits())
    for n in range(1, 9):
        log.append(message(n, topic="ab"[n % 2]), (n,), now_s=0.0)
    found, _ = log.read(0, {"a": 4}, skips_superseded=False, limit_bytes=EVERYTHING)
    assert [entry.ordinal for entry in found] == [6, 8]


@given(
    st.text("abcdefghij0123456789", min_size=1, max_size=12), st.lists(st.integers(0, 2**63), min_size=1, max_size=2)
)
def test_a_cursor_survives_its_way_to_the_client_and_back(epoch: str, places: list[int]) -> None:
    place = tuple(places)
    assert parse_cursor(cursor_text(epoch, place)) == Cursor(epoch=epoch, place=place)


@given(st.text(max_size=30))
def test_no_text_makes_the_reading_of_cursors_fail(text: str) -> None:
    found = parse_cursor(text)
    assert found is None or str(found).partition("-")[0] == text.partition("-")[0]


@pytest.mark.parametrize("name", ["seq", "topic", "type"])
def test_a_payload_cannot_use_the_names_of_the_protocol(name: str) -> None:
    with pytest.raises(InvalidPublication, match=name):
        make_message("notes", "note", {name: 1})
