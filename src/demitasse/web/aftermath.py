"""What calls into app code left to be written after their end: logs, mostly."""

import asyncio

import structlog

from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.web")
_WAIT_S = 1.0


async def write_aftermath(services: WebServices) -> None:
    """Write what calls left behind before the request is answered; where others hold the turn for long, after it."""
    if services.site.aftermath:
        written = services.lanes.write(services.site.aftermath.run)
        written.add_done_callback(_tell_if_lost)
        await asyncio.wait({written}, timeout=_WAIT_S)


def _tell_if_lost(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        _log.error("aftermath.lost", exc_info=error)
