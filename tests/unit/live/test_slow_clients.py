"""A client that takes nothing: what it gets when it reads again, and what the others notice (nothing)."""

from demitasse.live.keeping import look_after
from demitasse.live.model import CloseCode, Limits
from tests.unit.live.fakes import Client, make_hub

SIZE = Limits(log_entries=1000)


def test_of_states_a_slow_client_gets_the_newest_of_each_and_misses_none() -> None:
    hub, loop = make_hub(SIZE)
    client = Client(hub, loop)
    client.subscribe("stock")
    client.read()
    client.pipe.fill()
    for n in range(5000):
        hub.publish("stock", "moved", {"n": n, "item": n % 7}, key=str(n % 7))
        loop.turn()
    client.pipe.drain()
    loop.turn()
    client.read()
    assert [message["n"] for message in client.messages] == list(range(4993, 5000))
    assert client.refetched == []


def test_of_messages_without_a_state_it_gets_all_that_the_log_has() -> None:
    hub, loop = make_hub(SIZE)
    client = Client(hub, loop)
    client.subscribe("notes")
    client.read()
    client.pipe.fill()
    for n in range(1000):
        hub.publish("notes", "note", {"n": n})
    loop.turn()
    client.pipe.drain()
    loop.turn()
    client.read()
    assert [message["n"] for message in client.messages] == list(range(1000))


def test_where_the_log_has_moved_on_it_is_told_to_fetch_anew_and_goes_on_from_there() -> None:
    hub, loop = make_hub(SIZE)
    client = Client(hub, loop)
    client.subscribe("notes")
    client.read()
    client.pipe.fill()
    for n in range(1001):
        hub.publish("notes", "note", {"n": n})
    loop.turn()
    client.pipe.drain()
    hub.publish("notes", "note", {"n": -1})
    loop.turn()
    client.read()
    assert client.refetched == ["notes"]
    assert [message["n"] for message in client.messages] == [-1]


def test_others_get_everything_at_once_while_one_takes_nothing() -> None:
    hub, loop = make_hub(SIZE)
    slow, quick = Client(hub, loop), Client(hub, loop)
    for client in (slow, quick):
        client.subscribe("notes")
        client.read()
    slow.pipe.fill()
    for n in range(3000):
        hub.publish("notes", "note", {"n": n})
        loop.turn()
        assert quick.read()[-1]["n"] == n
    assert slow.pipe.written == []
    assert len(hub.log) == 1000


def test_a_state_that_changes_all_the_time_starves_no_other() -> None:
    hub, loop = make_hub(SIZE)
    client = Client(hub, loop)
    client.subscribe("stock")
    client.read()
    for n in range(300):
        client.pipe.room = 1
        hub.publish("stock", "moved", {"n": n}, key="hot")
        hub.publish("stock", "moved", {"n": n}, key=f"cold {n}")
        loop.turn()
        client.read()
        client.pipe.drain()
    client.read()
    assert [message["n"] for message in client.messages if message["seq"]][-1] == 299
    assert len(client.messages) >= 301


def test_a_client_that_takes_nothing_for_too_long_is_cut_off() -> None:
    hub, loop = make_hub()
    client = Client(hub, loop)
    client.subscribe("notes")
    client.pipe.fill()
    connection = client.connection
    assert connection is not None
    since_s = connection.waits_since_s
    assert since_s is not None
    look_after(connection, limits=hub.limits, now_s=since_s + 59.0)
    ends = [client.pipe.is_aborted]
    look_after(connection, limits=hub.limits, now_s=since_s + 61.0)
    ends.append(client.pipe.is_aborted)
    assert ends == [False, True]
    assert client.ended[0][0] is CloseCode.IDLE
    assert hub.connections == set()


def test_a_client_that_wants_nothing_is_ended_and_one_that_listens_is_kept_alive() -> None:
    hub, loop = make_hub()
    idle, listening = Client(hub, loop), Client(hub, loop)
    listening.subscribe("notes")
    listening.read()
    assert idle.connection is not None
    assert listening.connection is not None
    now_s = idle.connection.heard_at_s
    for second in range(130):
        for client in (idle, listening):
            if client.connection is not None and not client.connection.is_closed:
                look_after(client.connection, limits=hub.limits, now_s=now_s + second)
    assert [code for code, _ in idle.ended] == [CloseCode.IDLE]
    beats = listening.read()
    assert {message["type"] for message in beats} == {"heartbeat"}
    assert 4 <= len(beats) <= 6
    assert beats[0]["seq"] == str(hub.log.cursor)


def test_a_client_that_asks_and_never_reads_is_ended() -> None:
    hub, loop = make_hub()
    client = Client(hub, loop)
    client.pipe.fill()
    assert client.connection is not None
    for _ in range(300):
        client.connection.send("pong")
    assert client.ended[0][0] is CloseCode.TOO_MANY
