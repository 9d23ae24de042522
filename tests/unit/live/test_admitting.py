"""Tickets, places, and topics that matter."""

import pytest

from demitasse.live.capacity import Capacity
from demitasse.live.errors import TooMany
from demitasse.live.model import Limits, Subject
from demitasse.live.tickets import LIFE_S, Tickets
from demitasse.live.warmth import Warmth
from tests.unit.live.fakes import Client, make_hub

ADA = Subject(identity="ada")


def test_a_ticket_is_good_once_and_for_a_while() -> None:
    tickets = Tickets()
    first, second = tickets.issue(ADA, now_s=0.0), tickets.issue(ADA, now_s=0.0)
    assert tickets.redeem(first, now_s=1.0) is ADA
    assert tickets.redeem(first, now_s=1.0) is None
    assert tickets.redeem(second, now_s=LIFE_S + 1) is None
    assert tickets.redeem("", now_s=0.0) is None


def test_tickets_that_nobody_uses_take_no_memory() -> None:
    tickets = Tickets()
    oldest = tickets.issue(ADA, now_s=0.0)
    newest = [tickets.issue(ADA, now_s=1.0) for _ in range(10_000)][-1]
    assert tickets.redeem(oldest, now_s=1.0) is None
    assert tickets.redeem(newest, now_s=1.0) is ADA


def test_places_are_limited_in_all_and_for_each_address() -> None:
    capacity = Capacity(Limits(connections=3, connections_per_address=2))
    capacity.enter("10.0.0.1")
    capacity.enter("10.0.0.1")
    with pytest.raises(TooMany, match="your address"):
        capacity.enter("10.0.0.1")
    capacity.enter("10.0.0.2")
    with pytest.raises(TooMany, match="as many as this server takes"):
        capacity.enter("10.0.0.3")
    capacity.leave("10.0.0.1")
    capacity.enter("10.0.0.1")
    assert capacity.taken == 3


def test_a_topic_matters_while_somebody_may_come_back_to_it() -> None:
    warmth = Warmth(60.0)
    assert not warmth.is_warm("notes")
    assert warmth.heard("notes", 7)
    assert not warmth.heard("notes", 9)
    assert warmth.covers("notes", 7)
    assert not warmth.covers("notes", 6)
    warmth.left("notes", now_s=100.0)
    assert warmth.cool(now_s=159.0) == []
    assert warmth.cool(now_s=161.0) == ["notes"]
    assert not warmth.is_warm("notes")


def test_what_nobody_listens_to_is_not_kept_and_who_comes_late_is_told() -> None:
    hub, loop = make_hub(keeps_everything=False)
    hub.publish("notes", "note", {"n": 1})
    assert len(hub.log) == 0
    other, client = Client(hub, loop), Client(hub, loop)
    other.subscribe("others")
    other.read()
    client.cursors = {"notes": other.cursors["others"]}
    client.disconnect()
    hub.publish("notes", "note", {"n": 2})
    client.connect()
    client.read()
    assert client.refetched == ["notes"]
    hub.publish("notes", "note", {"n": 3})
    loop.turn()
    client.read()
    assert [message["n"] for message in client.messages] == [3]


def test_who_listened_gets_what_came_while_he_was_away() -> None:
    hub, loop = make_hub(keeps_everything=False)
    client = Client(hub, loop)
    client.subscribe("notes")
    client.read()
    client.disconnect()
    hub.publish("notes", "note", {"n": 1})
    client.connect()
    client.read()
    assert [message["n"] for message in client.messages] == [1]
    assert client.refetched == []


def test_what_a_client_may_not_see_is_left_out_live_and_on_catching_up() -> None:
    hub, loop = make_hub()
    ada, bob = Client(hub, loop), Client(hub, loop, identity="bob")
    for client in (ada, bob):
        client.subscribe("notes")
        client.read()
    bob.disconnect()
    for n, owner in enumerate(("ada", "bob", "ada")):
        hub.publish("notes", "note", {"n": n}, about={"owner": owner})
    loop.turn()
    bob.connect()
    for client in (ada, bob):
        client.read()
    assert [message["n"] for message in ada.messages] == [0, 2]
    assert [message["n"] for message in bob.messages] == [1]
    assert all("owner" not in message for message in ada.messages)
