"""What the HTTP surface needs of a running site; ``app`` fills it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from demitasse.auth.credentials import Authenticator
from demitasse.auth.sessions.operations import Sessions
from demitasse.auth.throttle import LoginThrottle
from demitasse.db.lanes import Lanes
from demitasse.db.sqlite import SqliteDatabase
from demitasse.delivery.metrics import Snapshot
from demitasse.frappe.context import SiteServices
from demitasse.jobs.metrics import JobsSnapshot
from demitasse.live.service import Live
from demitasse.web.app_threads import AppThreads
from demitasse.web.wire import Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """A running site, as requests see it.

    Args:
        snapshot: Returns what delivery counts.
        live: The endpoints of live push.
        jobs: Returns what there is to count of jobs.
    """

    site: SiteServices
    database: SqliteDatabase
    authenticator: Authenticator
    sessions: Sessions
    lanes: Lanes
    threads: AppThreads
    wire: Wire
    snapshot: Callable[[], Awaitable[Snapshot]]
    jobs: Callable[[], Awaitable[JobsSnapshot]]
    live: Live | None = None
    throttle: LoginThrottle = field(default_factory=LoginThrottle)

    def is_secure(self, scheme: str) -> bool:
        """Return whether browsers reach the site by HTTPS, so that its cookies must not travel otherwise."""
        return scheme == "https" or (self.site.settings.host_name or "").startswith("https://")
