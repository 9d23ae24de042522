import asyncio
import socket

import pytest
from pytest_socket import SocketBlockedError


def test_a_unit_test_cannot_open_a_socket() -> None:
    with pytest.raises(SocketBlockedError):
        socket.create_connection(("127.0.0.1", 9))


@pytest.mark.parametrize("attempt", [1, 2])
def test_sockets_are_closed_again_for_the_next_test(attempt: int) -> None:
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


async def test_an_event_loop_still_runs() -> None:
    assert await asyncio.to_thread(lambda: 7) == 7
