"""uvicorn as live push needs it."""

import contextlib
import resource
from collections.abc import Callable
from typing import Any

import uvicorn
from typing_extensions import override

from demitasse.live.frames import FrameProtocol
from demitasse.live.model import Limits

_OPEN_FILES = 65_536


def websocket_options(limits: Limits) -> dict[str, Any]:
    """Return the arguments of ``uvicorn.Config`` that concern WebSockets.

    Compression is off: it costs about 300 KB and most of the time of each client, and messages are small.
    """
    return {
        "ws": FrameProtocol,
        "ws_max_size": limits.message_bytes,
        "ws_per_message_deflate": False,
        "ws_ping_interval": 20.0,
        "ws_ping_timeout": 20.0,
        "log_level": "warning",  # uvicorn logs the whole URL of a WebSocket, with its query, at a lower level
    }


class Server(uvicorn.Server):
    """A server that says goodbye to its streams first: uvicorn would wait for them to end by themselves.

    Args:
        on_stop: Called when the server begins to stop.
    """

    def __init__(self, config: uvicorn.Config, *, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    @override
    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        self._on_stop()
        await super().shutdown(sockets)


def raise_open_files() -> None:
    """Let this process have as many connections as the system allows; the usual soft limit is 1,024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS refuses some values that it has named itself
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _OPEN_FILES), most))
