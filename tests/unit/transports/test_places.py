from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from demitasse.transports.places import Places

TOTAL, PER_RECEIVER = 5, 2
RECEIVERS = ("a", "b", "c", "d")


def test_those_who_wait_for_a_slow_receiver_hold_up_nobody() -> None:
    places: Places[str] = Places(total=10, per_receiver=1)
    assert places.enter("slow", "first")
    assert not places.enter("slow", "second")
    assert places.enter("quick", "third")
    assert places.leave("quick") is None
    assert places.leave("slow") == "second"


def test_receivers_take_turns_when_all_places_are_taken() -> None:
    places: Places[str] = Places(total=1, per_receiver=1)
    assert places.enter("a", "now")
    for guest in ("a1", "a2", "a3"):
        assert not places.enter("a", guest)
    assert not places.enter("b", "b1")
    assert [places.leave(receiver) for receiver in "aabaa"] == ["a1", "b1", "a2", "a3", None]


def test_who_gives_up_is_not_called() -> None:
    places: Places[str] = Places(total=1, per_receiver=1)
    places.enter("a", "now")
    places.enter("a", "impatient")
    places.enter("a", "patient")
    places.give_up("a", "impatient")
    assert places.leave("a") == "patient"
    places.enter("a", "last")
    places.give_up("a", "last")
    assert places.leave("a") is None


def test_clearing_sends_all_away_who_wait() -> None:
    places: Places[str] = Places(total=1, per_receiver=1)
    for guest in ("now", "later", "last"):
        places.enter("a", guest)
    assert places.clear() == ["later", "last"]
    assert places.leave("a") is None


class PlacesMachine(RuleBasedStateMachine):
    """Whatever comes and goes, the caps hold, and nobody waits where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self.places: Places[tuple[str, int]] = Places(total=TOTAL, per_receiver=PER_RECEIVER)
        self.inside: list[tuple[str, int]] = []
        self.waiting: list[tuple[str, int]] = []
        self.number = 0

    @rule(receiver=st.sampled_from(RECEIVERS))
    def enter(self, receiver: str) -> None:
        self.number += 1
        guest = (receiver, self.number)
        (self.inside if self.places.enter(receiver, guest) else self.waiting).append(guest)

    @precondition(lambda self: self.inside)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.inside))
        self.inside.remove(gone)
        following = self.places.leave(gone[0])
        if following is not None:
            assert following == next(guest for guest in self.waiting if guest[0] == following[0])
            self.waiting.remove(following)
            self.inside.append(following)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        gone = data.draw(st.sampled_from(self.waiting))
        self.waiting.remove(gone)
        self.places.give_up(gone[0], gone)

    @invariant()
    def caps_hold(self) -> None:
        assert len(self.inside) <= TOTAL
        assert max(Counter(receiver for receiver, _ in self.inside).values(), default=0) <= PER_RECEIVER

    @invariant()
    def nobody_waits_where_there_is_room(self) -> None:
        taken = Counter(receiver for receiver, _ in self.inside)
        if len(self.inside) < TOTAL:
            assert all(taken[receiver] == PER_RECEIVER for receiver, _ in self.waiting)


TestPlaces = PlacesMachine.TestCase
