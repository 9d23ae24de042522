"""The write turn: fair, for threads and callbacks alike."""

import threading

import pytest

from demitasse.db.errors import DatabaseBusy
from demitasse.db.turn import WriteTurn


def test_a_free_turn_is_given_at_once() -> None:
    turn = WriteTurn()

    assert turn.try_acquire(lambda: None)
    assert turn.is_held


def test_who_waits_longest_is_next_whether_thread_or_callback() -> None:
    turn = WriteTurn()
    order: list[str] = []
    turn.try_acquire(lambda: None)
    turn.try_acquire(lambda: order.append("loop"))
    waiting = threading.Event()

    def work() -> None:
        waiting.set()
        turn.acquire(wait_s=10)
        order.append("thread")
        turn.release()

    thread = threading.Thread(target=work)
    thread.start()
    waiting.wait()

    turn.release()  # to the callback
    turn.release()  # to the thread
    thread.join(10)

    assert order == ["loop", "thread"]
    assert not turn.is_held


def test_a_thread_that_waits_too_long_is_told_and_leaves_the_line() -> None:
    turn = WriteTurn()
    turn.try_acquire(lambda: None)

    with pytest.raises(DatabaseBusy, match="try again"):
        turn.acquire(wait_s=0.01)
    turn.release()

    assert turn.try_acquire(lambda: None)


def test_it_is_passed_on_only_to_a_thread() -> None:
    turn = WriteTurn()
    turn.try_acquire(lambda: None)
    assert not turn.pass_on()

    turn.try_acquire(lambda: None)
    assert not turn.pass_on()
    assert turn.is_held
    assert turn.waiting == 1
