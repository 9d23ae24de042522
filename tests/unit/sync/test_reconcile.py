"""Names as hashes, for comparing millions of them."""

from hypothesis import given
from hypothesis import strategies as st

from demitasse.sync.logbook import retry_after
from demitasse.sync.reconcile import NameSet


@given(there=st.lists(st.text(min_size=1), unique=True), asked=st.lists(st.text(min_size=1)))
def test_a_set_of_names_has_what_was_added_and_nothing_else(there: list[str], asked: list[str]) -> None:
    names = NameSet()
    names.add(there[::2])
    names.add(there[1::2])
    names.close()
    assert len(names) == len(there)
    assert all(name in names for name in there)
    assert [name in names for name in asked] == [name in there for name in asked]


def test_parked_rows_wait_longer_each_time_and_never_longer_than_six_hours() -> None:
    waits = [retry_after(attempts).total_seconds() for attempts in range(1, 60)]
    assert waits[:4] == [30, 60, 120, 240]
    assert waits == sorted(waits)
    assert waits[-1] == 6 * 3600
