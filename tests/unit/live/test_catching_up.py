"""Whatever happens between a publisher and a client: nothing is lost, nothing comes twice, everything is in order."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from demitasse.live.model import Limits
from tests.unit.live.fakes import Client, make_hub

TOPICS = ("notes", "stock", "other")


class Push(RuleBasedStateMachine):
    """Publishers, a few clients that come, go, stop reading and come back, and a log that is short."""

    def __init__(self) -> None:
        super().__init__()
        self.hub, self.loop = make_hub(Limits(log_entries=12))
        self.clients = [Client(self.hub, self.loop) for _ in range(3)]
        self.published: dict[str, list[Any]] = {topic: [] for topic in TOPICS}
        self.since: list[dict[str, int]] = [{} for _ in self.clients]
        self.seen: list[dict[str, list[int]]] = [{} for _ in self.clients]
        self.count = 0
        self.count_at: dict[str, int] = {}
        self._note()

    @rule(topic=st.sampled_from(TOPICS), key=st.sampled_from(["cone", "cup", "tub"]))
    def publish(self, topic: str, key: str) -> None:
        self.count += 1
        is_state = topic == "stock"
        self.published[topic].append((self.count, key))
        self.hub.publish(topic, "moved", {"n": self.count, "item": key}, key=key if is_state else None)
        self._note()

    @rule()
    def turn(self) -> None:
        self.loop.turn()

    @rule(who=st.integers(0, 2), topic=st.sampled_from(TOPICS))
    def subscribe(self, who: int, topic: str) -> None:
        client = self.clients[who]
        if topic not in client.cursors and client.connection is not None:
            self.since[who][topic] = self.count
            self.seen[who][topic] = []
            client.subscribe(topic)

    @rule(who=st.integers(0, 2), room=st.integers(1, 3))
    def stop_reading(self, who: int, room: int) -> None:
        self.clients[who].pipe.room = room

    @rule(who=st.integers(0, 2))
    def read(self, who: int) -> None:
        self._read(who)
        self.clients[who].pipe.drain()

    @rule(who=st.integers(0, 2))
    def lose_connection(self, who: int) -> None:
        self.clients[who].disconnect()
        self.clients[who].pipe.written.clear()

    @rule(who=st.integers(0, 2))
    def come_back(self, who: int) -> None:
        self._connect(who)

    @rule()
    def restart_server(self) -> None:
        self.hub.restart(f"epoch{self.count}x", start=(0,))
        self._note()

    def _note(self) -> None:
        self.count_at[str(self.hub.log.cursor)] = self.count

    def _connect(self, who: int) -> None:
        client = self.clients[who]
        if client.connection is None:
            for topic, cursor in client.cursors.items():
                if cursor is None:  # It never heard where it stood, so it starts anew.
                    self.since[who][topic] = self.count
                    self.seen[who][topic] = []
            client.connect()

    def _read(self, who: int) -> None:
        client = self.clients[who]
        for message in client.read():
            if message["type"] == "must-refetch":
                for topic in message["topics"]:
                    # The client asks for the state anew: what was published up to this place is in it.
                    self.since[who][topic] = self.count_at[message["seq"]]
                    self.seen[who][topic] = []
            elif "topic" in message:
                self.seen[who][message["topic"]].append(message["n"])

    @invariant()
    def nothing_comes_twice_and_all_in_order(self) -> None:
        for seen in self.seen:
            for numbers in seen.values():
                assert numbers == sorted(set(numbers))

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.hub.log) <= 12

    def teardown(self) -> None:
        self.loop.turn()
        for who, client in enumerate(self.clients):
            self._connect(who)
            for _ in range(3):
                self._read(who)
                client.pipe.drain()
                self.loop.turn()
            self._read(who)
            assert client.connection is not None
            assert client.connection.is_current
            self._check(who)

    def _check(self, who: int) -> None:
        for topic, numbers in self.seen[who].items():
            expected = [(n, key) for n, key in self.published[topic] if n > self.since[who][topic]]
            if topic == "stock":
                assert {key: n for n, key in expected if n in numbers} == {key: n for n, key in expected}
            else:
                assert numbers == [n for n, _ in expected]


Push.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestPush = Push.TestCase
