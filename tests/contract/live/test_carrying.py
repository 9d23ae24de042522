"""What holds of published messages, whatever carries them."""

from collections.abc import Callable

from tests.contract.live.conftest import Process, has, is_told, until


def numbers(messages: list[dict[str, int]]) -> list[int]:
    return [message["n"] for message in messages]


async def test_messages_arrive_in_the_order_they_were_published_in(new_process: Callable[[], Process]) -> None:
    process = new_process()
    await process.start()
    client = process.client()
    client.subscribe("notes")
    for n in range(500):
        process.hub.publish("notes", "note", {"n": n})
    await until(has(client, 500), "all messages have come")
    assert numbers(client.messages) == list(range(500))


async def test_who_comes_back_is_sent_what_he_missed_and_nothing_else(new_process: Callable[[], Process]) -> None:
    process = new_process()
    await process.start()
    client, witness = process.client(), process.client()
    client.subscribe("notes")
    witness.subscribe("notes")
    for n in range(100):
        if n == 30:
            await until(has(client, 30), "the first have come")
            client.disconnect()
        process.hub.publish("notes", "note", {"n": n})
    await until(has(witness, 100), "all are published")
    client.connect()
    await until(has(client, 100), "all messages have come")
    assert numbers(client.messages) == list(range(100))
    assert client.refetched == []


async def test_a_cursor_of_a_former_life_is_refused(new_process: Callable[[], Process]) -> None:
    process = new_process()
    await process.start()
    client = process.client()
    client.cursors = {"notes": "someotherlife-7-0"}
    client.disconnect()
    client.connect()
    await until(is_told(client), "the client has been told")
    assert client.refetched == ["notes"]


async def test_what_a_message_is_about_decides_who_gets_it(new_process: Callable[[], Process]) -> None:
    process = new_process()
    await process.start()
    client = process.client()
    client.subscribe("notes")
    process.hub.publish("notes", "note", {"n": 1}, about={"owner": "ada"})
    process.hub.publish("notes", "note", {"n": 2}, about={"owner": "bob"})
    process.hub.publish("notes", "note", {"n": 3})
    await until(has(client, 2), "messages have come")
    assert numbers(client.messages) == [1, 3]
