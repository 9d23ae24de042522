"""Several processes on one Redis stream, and a Redis that goes away."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis

from tests.contract.live.conftest import MAX_ROWS, Process, has, has_newest, is_told, until
from tests.contract.live.test_carrying import numbers
from tests.e2e.redis_server import RedisServer

Processes = Callable[[], Process]


def publish(process: Process, *n: int, key: str | None = None) -> None:
    for number in n:
        process.hub.publish("notes", "note", {"n": number}, key=key)


async def test_all_processes_have_the_same_messages_in_the_same_order(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    clients = [one.client(), two.client()]
    for client in clients:
        client.subscribe("notes")
    for n in range(100):
        publish(one if n % 2 else two, n)
    for client in clients:
        await until(has(client, 100), "all messages have come")
    assert clients[0].messages == clients[1].messages
    assert sorted(numbers(clients[0].messages)) == list(range(100))


async def test_a_client_may_come_back_to_another_process(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = one.client()
    client.subscribe("notes")
    publish(one, 1, 2, 3)
    await until(has(client, 3), "the first have come")
    client.disconnect()
    publish(one, 4, 5)
    client.hub = two.hub
    client.connect()
    await until(has(client, 5), "the others have come")
    assert numbers(client.messages) == [1, 2, 3, 4, 5]
    assert client.refetched == []


async def test_a_process_that_starts_later_knows_what_was_published(new_redis_process: Processes) -> None:
    one = new_redis_process()
    await one.start()
    client = one.client()
    client.subscribe("notes")
    publish(one, 1, 2)
    await until(has(client, 2), "the first have come")
    client.disconnect()
    publish(one, 3)
    await until(lambda: len(one.hub.log) == 3, "the last is in the stream")
    await one.stop()
    two = new_redis_process()
    await two.start()
    client.hub = two.hub
    client.connect()
    await until(has(client, 3), "the last has come")
    assert numbers(client.messages) == [1, 2, 3]
    assert client.refetched == []


async def test_a_broken_connection_to_redis_loses_nothing_and_repeats_nothing(
    new_redis_process: Processes, redis: RedisServer
) -> None:
    process = new_redis_process()
    await process.start()
    client = process.client()
    client.subscribe("notes")
    breaker: Any = Redis.from_url(redis.url)
    for n in range(200):
        publish(process, n)
        if n % 20 == 0:
            await breaker.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await asyncio.sleep(0)
    await breaker.aclose()
    await until(has(client, 200), "all messages have come")
    assert numbers(client.messages) == list(range(200))
    assert client.refetched == []


async def test_when_redis_has_forgotten_everything_the_clients_fetch_anew_and_go_on(
    new_redis_process: Processes, redis: RedisServer
) -> None:
    processes = [new_redis_process(), new_redis_process()]
    for process in processes:
        await process.start()
    clients = [process.client() for process in processes]
    for client in clients:
        client.subscribe("notes")
    publish(processes[0], 1, 2)
    for client in clients:
        await until(has(client, 2), "the first have come")
    redis.kill()
    publish(processes[0], 3, 4)
    redis.start()
    for client in clients:
        await until(is_told(client), "the clients have been told")
    publish(processes[1], 5)
    for client in clients:
        await until(has_newest(client, 5), "the newest has come")
        assert client.refetched == ["notes"]
        # What was published without Redis came as a message, or before the client was told to fetch: then it is in that.
        assert numbers(client.messages) in ([1, 2, 5], [1, 2, 3, 4, 5], [1, 2, 4, 5])


async def test_what_does_not_find_room_while_redis_is_away_makes_clients_fetch_anew(
    new_redis_process: Processes, redis: RedisServer
) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = two.client()
    client.subscribe("notes")
    # One of the two cannot write for a while; the stream itself stays as it is.
    await one.stop()
    publish(one, *range(10_001))
    await one.start()
    await until(has(client, 1), "the last message has come")
    assert client.refetched == ["notes"]
    assert numbers(client.messages) == [10_000]


async def test_a_process_that_fell_behind_the_stream_has_its_clients_fetch_anew(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = one.client()
    client.subscribe("notes")
    publish(two, 0)
    await until(has(client, 1), "the first has come")
    await one.stop()
    witness = two.client()
    witness.subscribe("notes")
    publish(two, *range(1, 4 * MAX_ROWS))
    await until(has(witness, 4 * MAX_ROWS - 1), "all are published")
    await one.start()
    await until(is_told(client), "the client has been told")
    publish(two, 5 * MAX_ROWS)
    await until(has_newest(client, 5 * MAX_ROWS), "the newest has come")
    assert numbers(client.messages) == [0, 5 * MAX_ROWS]


async def test_what_a_killed_process_may_not_have_written_is_fetched_anew(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = two.client()
    client.subscribe("notes")
    await one.kill()
    publish(one, 1)
    await until(is_told(client), "the client has been told")


async def test_a_process_that_leaves_writes_everything_and_nobody_fetches_anew(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = two.client()
    client.subscribe("notes")
    publish(one, *range(800))
    await one.stop()
    await until(has(client, 800), "all messages have come")
    assert client.refetched == []


async def test_what_was_carried_survives_the_process(new_redis_process: Processes) -> None:
    one, two = new_redis_process(), new_redis_process()
    await one.start()
    await two.start()
    client = two.client()
    client.subscribe("notes")
    publish(one, 1)
    await one.hub.carried()
    await one.kill()
    await until(has(client, 1), "the message has come")
