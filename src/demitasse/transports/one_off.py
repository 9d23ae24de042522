"""One guarded request of a thread that may wait: what ``HttpSender`` does, with nothing kept open."""

import asyncio

from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender
from demitasse.transports.model import OutgoingRequest, SendResult


def send_once(request: OutgoingRequest, *, allow: AllowList) -> SendResult:
    """Send a request to a public place, or to one that the operator allows, and return its result.

    It costs a loop and a connection for each request, some milliseconds: for what is rare. Not for the event loop.
    """
    return asyncio.run(_send(request, allow))


async def _send(request: OutgoingRequest, allow: AllowList) -> SendResult:
    sender = HttpSender(allow=allow, loop=asyncio.get_running_loop())
    try:
        return await sender.send(request)
    finally:
        await sender.close()
