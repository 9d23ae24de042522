"""One guarded request of a thread that may wait: what ``HttpSender`` does, with nothing kept open."""

import asyncio

from demitasse.transports.addresses import AllowList
from demitasse.transports.http import HttpSender
from demitasse.transports.model import OutgoingRequest, SenderOptions, SendResult


def send_once(request: OutgoingRequest, *, allow: AllowList, proxy_url: str | None = None) -> SendResult:
    """Send a request to a public place, or to one that the operator allows, and return its result.

    It costs a loop and a connection for each request, some milliseconds: for what is rare. Not for the event loop.
    """
    return asyncio.run(_send(request, allow, SenderOptions(proxy_url=proxy_url)))


async def _send(request: OutgoingRequest, allow: AllowList, options: SenderOptions) -> SendResult:
    sender = HttpSender(allow=allow, options=options, loop=asyncio.get_running_loop())
    try:
        return await sender.send(request)
    finally:
        await sender.close()
