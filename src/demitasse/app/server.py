"""A site that serves: the HTTP application with its lanes, and the delivery beside it, in one process."""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import structlog
import uvicorn

from demitasse.app.brokering import Brokering
from demitasse.app.delivering import Delivering
from demitasse.app.jobs import Jobs
from demitasse.app.pushing import SitePush, open_stream, with_push
from demitasse.app.retention import Retention
from demitasse.app.site import Site, open_site
from demitasse.app.syncing import site_id
from demitasse.db.lanes import Lanes
from demitasse.kernel.errors import DemitasseError
from demitasse.live.heads import BoundedHeads
from demitasse.live.model import Limits
from demitasse.live.serving import Server, raise_open_files, websocket_options
from demitasse.web.app_threads import AppThreads
from demitasse.web.edge import Edge
from demitasse.web.services import WebServices
from demitasse.web.wire import Wire

_log = structlog.get_logger("demitasse.server")
_LOOK_FOR_FOREIGN_WRITES_S = 0.5


class SiteInUse(DemitasseError):
    """Another process serves the site already."""

    code = "site_in_use"


class RunningSite:
    """An opened site with everything that needs an event loop."""

    def __init__(self, site: Site, *, loop: asyncio.AbstractEventLoop) -> None:
        self.site = site
        self.lanes = Lanes(site.database, loop=loop)
        self.threads = AppThreads(loop=loop)
        self.delivering = Delivering(site, self.lanes, loop=loop)
        self.jobs = Jobs(site, self.lanes, loop=loop)
        self.brokering = Brokering(site, self.lanes, loop=loop)
        services = WebServices(
            site=site.services,
            database=site.database,
            authenticator=site.authenticator,
            sessions=site.sessions,
            lanes=self.lanes,
            threads=self.threads,
            wire=Wire(site.settings.zone),
            snapshot=self.delivering.dispatcher.snapshot,
            jobs=self.jobs.worker.snapshot,
        )
        self.push = SitePush(site, services, loop=loop)
        self.web = with_push(services, self.push)
        self._loop = loop
        self._retention = Retention(site, self.lanes)
        self._beside: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to deliver, to notice what other processes write, and to delete old logs."""
        self.delivering.start()
        self.push.start()
        self.delivering.watch(queued=self.push.queued, settled=self.push.settled)
        self.jobs.start()
        self.brokering.start()
        work = (self._look_for_foreign_writes(), self._retention.run())
        self._beside = [self._loop.create_task(each) for each in work]

    async def close(self) -> None:
        """Finish what is under way within a bound; what is not done stays due."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.push.stop_serving()
        await asyncio.gather(self.delivering.close(), self.jobs.close(), self.brokering.close())
        await self.lanes.close()
        self.threads.close()
        await self.push.close()

    async def _look_for_foreign_writes(self) -> None:
        database = self.site.database
        while True:
            await asyncio.sleep(_LOOK_FOR_FOREIGN_WRITES_S)
            if database.turn.take_if_free():
                try:
                    database.notice_foreign_writes()
                finally:
                    database.turn.release()


def application(site: Site) -> Edge:
    """Return the ASGI application of a site; its lifespan runs the lanes and the delivery."""

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[WebServices]:
        started = RunningSite(site, loop=asyncio.get_running_loop())
        started.start()
        try:
            yield started.web
        finally:
            await started.close()

    return Edge(running)


def serve(path: Path, *, host: str, port: int) -> None:
    """Serve the site in a folder until the process is told to stop.

    Raises:
        SiteInUse: another process serves it.
        InvalidSettings: there is no site here.
    """
    site = open_site(path)
    lock = own_site(path)
    try:
        raise_open_files()
        edge = application(site)
        open_stream(site)  # A setting that cannot be used is told before anything is served.
        site.connecting.settle()
        site_id(site)
        config = uvicorn.Config(
            edge,
            host=host,
            port=port,
            loop="uvloop",
            http=BoundedHeads,
            **websocket_options(Limits()),
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=10,
        )
        _log.info("server.starting", site=str(path), address=f"http://{host}:{port}")
        # uvicorn raises the signal that stopped it once more; this turns it into an orderly end.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with contextlib.suppress(KeyboardInterrupt):
            Server(config, on_stop=edge.say_goodbye).run()
    finally:
        site.close()
        lock.close()


def own_site(path: Path) -> IO[bytes]:
    """Take the lock that the serving process of a site holds; closing the file gives it back.

    Raises:
        SiteInUse: another process holds it.
    """
    file = os.fdopen(os.open(path / "site.lock", os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        message = f"Another process serves {path} already: stop it first, or use another site"
        raise SiteInUse(message, site=str(path)) from error
    return file
