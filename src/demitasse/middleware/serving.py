"""Serving the middleware until the process is told to stop."""

import contextlib
import signal
import sys

import structlog
import uvicorn

from demitasse.live.heads import BoundedHeads
from demitasse.live.model import Limits
from demitasse.live.serving import Server, websocket_options
from demitasse.middleware.application import Application
from demitasse.middleware.configuration import Configuration
from demitasse.middleware.mapping_file import read_mapping

_log = structlog.get_logger("demitasse.middleware")


def serve(configuration: Configuration) -> None:
    """Serve phones.

    Raises:
        InvalidMapping: the mapping file cannot be used.
    """
    application = Application(configuration, read_mapping(configuration.mapping))
    config = uvicorn.Config(
        application,
        host=configuration.host,
        port=configuration.port,
        loop="uvloop",
        http=BoundedHeads,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=10,
        **websocket_options(Limits()),
    )
    _log.info(
        "middleware.starting",
        address=f"http://{configuration.host}:{configuration.port}",
        site=configuration.site_url,
        device_tokens=configuration.device_tokens.value,
        redis="configured" if configuration.redis_url else None,
    )
    # uvicorn raises the signal that stopped it once more; this turns it into an orderly end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.suppress(KeyboardInterrupt):
        Server(config, on_stop=application.say_goodbye).run()
