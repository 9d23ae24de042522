import random

import pytest

from demitasse.sync.broker.chain import BEGINS, FRESH, Chain


def gap(chain: Chain) -> bool:
    return chain.has_gap


def taken(last: int, *messages: tuple[int, int]) -> Chain:
    chain = Chain(last)
    for message in messages:
        chain.take(*message)
    return chain


def test_messages_in_turn_leave_no_gap() -> None:
    chain = taken(3, (3, 5), (5, 6), (6, 9))

    assert chain.last == 9
    assert not gap(chain)


def test_messages_that_come_again_change_nothing() -> None:
    chain = taken(3, (3, 5), (3, 5), (1, 2))

    assert chain.last == 5
    assert not gap(chain)


def test_a_batch_that_is_sent_again_in_other_pieces_leaves_no_gap() -> None:
    chain = taken(0, (0, 1), (1, 2), (0, 2), (2, 3))

    assert chain.last == 3
    assert not gap(chain)


def test_a_missing_message_is_a_gap_until_it_comes() -> None:
    chain = taken(1, (2, 3))

    assert gap(chain)
    assert chain.last == 1
    chain.take(1, 2)
    assert not gap(chain)
    assert chain.last == 3


def test_after_a_fetch_the_first_message_is_the_next() -> None:
    chain = taken(FRESH, (70, 71))

    assert not gap(chain)
    assert chain.last == 71


def test_a_fetch_closes_a_gap() -> None:
    chain = taken(1, (7, 8), (8, 9))
    chain.resume()

    assert not gap(chain)
    assert chain.last == 9
    chain.take(9, 10)
    assert not gap(chain)


@pytest.mark.parametrize("last", [FRESH, 3])
def test_a_stream_that_begins_anew_is_a_gap(last: int) -> None:
    chain = taken(last, (BEGINS, 5))

    assert gap(chain)
    chain.resume()
    assert chain.last == 5
    chain.take(BEGINS, 5)
    assert not gap(chain)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_messages_that_come_again_ends_without_a_gap(seed: int) -> None:
    shuffle = random.Random(seed)
    messages = [(number, number + 1) for number in range(40)]
    sent = messages + shuffle.sample(messages, 20)
    shuffle.shuffle(sent)
    chain = taken(0, *sent)

    assert chain.last == 40
    assert not gap(chain)
