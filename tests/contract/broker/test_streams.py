"""What holds of a stream and its groups on each broker."""

import asyncio

import pytest

from demitasse.transports.broker import DeadLetter, GroupReader, StreamPublisher
from demitasse.transports.errors import BrokerUnavailable
from tests.contract.broker.conftest import Broker, Reading, numbered
from tests.e2e.site import free_port

pytestmark = pytest.mark.timeout(60, func_only=True)  # RabbitMQ takes its time to start.


async def dead_letters(reader: GroupReader) -> list[DeadLetter]:
    """Return the dead letters once there are some."""
    async with asyncio.timeout(10):
        letters: list[DeadLetter] = []
        while not letters:
            letters = await reader.dead_letters(limit=10)
        return letters


async def test_messages_arrive_once_and_in_order(broker: Broker, publisher: StreamPublisher, stream: str) -> None:
    async with Reading(broker.reader(stream)) as reading:
        for start in range(0, 600, 100):
            await publisher.publish(stream, numbered(start, 100))
        assert await reading.wait(600) == [b"%d" % number for number in range(600)]


async def test_every_group_gets_every_message(broker: Broker, publisher: StreamPublisher, stream: str) -> None:
    async with Reading(broker.reader(stream, group="a")) as one, Reading(broker.reader(stream, group="b")) as other:
        await publisher.publish(stream, numbered(0, 10))
        assert await one.wait(10) == await other.wait(10)


async def test_a_group_that_was_there_says_so(broker: Broker, stream: str) -> None:
    first, second = broker.reader(stream), broker.reader(stream)

    assert not await first.open()
    assert await second.open()
    await first.close()
    await second.close()


async def test_what_is_published_while_nobody_reads_waits(
    broker: Broker, publisher: StreamPublisher, stream: str
) -> None:
    away = broker.reader(stream)
    await away.open()
    await away.close()
    await publisher.publish(stream, numbered(0, 5))

    async with Reading(broker.reader(stream)) as reading:
        assert len(await reading.wait(5)) == 5


async def test_what_was_not_acknowledged_comes_again_to_the_same_reader(
    broker: Broker, publisher: StreamPublisher, stream: str
) -> None:
    dying = Reading(broker.reader(stream))
    dying.hangs = True
    async with dying:
        await publisher.publish(stream, numbered(0, 3))
        await dying.wait(1)
    await publisher.publish(stream, numbered(3, 3))

    async with Reading(broker.reader(stream)) as reading:
        assert await reading.wait(6) == [b"%d" % number for number in range(6)]


async def test_what_a_dead_reader_left_is_anothers(broker: Broker, publisher: StreamPublisher, stream: str) -> None:
    dying = Reading(broker.reader(stream, consumer="dying"))
    dying.hangs = True
    async with dying:
        await publisher.publish(stream, numbered(0, 3))
        await dying.wait(1)

    async with Reading(broker.reader(stream, consumer="heir")) as reading:
        assert sorted(await reading.wait(3)) == [b"0", b"1", b"2"]


async def test_broken_messages_become_dead_letters_and_the_others_are_taken(
    broker: Broker, publisher: StreamPublisher, stream: str
) -> None:
    reader = broker.reader(stream)
    async with Reading(reader, broken=lambda body: body == b"1") as reading:
        await publisher.publish(stream, numbered(0, 3))
        await reading.wait(3)
        letters = await dead_letters(reader)

    assert [letter.body for letter in letters] == [b"1"]
    again = broker.reader(stream)
    await again.remove_dead([letters[0].id])
    assert await again.dead_letters(limit=10) == []
    await again.close()
    async with Reading(broker.reader(stream)) as reading:
        await publisher.publish(stream, numbered(3, 1))
        assert await reading.wait(1) == [b"3"]


@pytest.mark.parametrize("scheme", ["amqp://guest:hush@", "redis://"])
async def test_a_broker_that_is_not_there_is_told_in_a_sentence(scheme: str) -> None:
    broker = Broker(f"{scheme}127.0.0.1:{free_port()}/")

    with pytest.raises(BrokerUnavailable) as caught:
        await broker.publisher().publish("s", numbered(0, 1))
    assert "hush" not in str(caught.value)
    with pytest.raises(BrokerUnavailable):
        await broker.reader("s").open()
