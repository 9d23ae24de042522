"""The one ``ContextVar``: what the call that is running now works on.

App code has Frappe's signatures, which leave no room for a transaction or an actor; this is where they travel instead.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

from demitasse.apps.installed import InstalledApps
from demitasse.auth.model import Actor
from demitasse.auth.sessions.model import Session as BrowserSession
from demitasse.connect.context import ConnectContext
from demitasse.db.transaction import Transaction
from demitasse.documents.context import DocumentContext
from demitasse.documents.publishing import Publisher
from demitasse.frappe.aftermath import Aftermath, Work
from demitasse.jobs.bell import Bell
from demitasse.kernel.errors import DemitasseError
from demitasse.settings.model import Settings
from demitasse.sync.services import SyncServices
from demitasse.vault.references import References


class NoCall(DemitasseError):
    """``frappe`` was used outside of a call into the site."""

    code = "no_call"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingRequest:
    """The HTTP request that a call answers.

    Args:
        headers: Names in lower case.
        body: The raw bytes, for signatures.
        session: The browser's, ``None`` for credentials in a header, and for nobody.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    remote_address: str | None
    session: BrowserSession | None = None


class Publish(Protocol):
    """Sends a message to those who listen to a topic of the site's live push; from any thread."""

    def __call__(self, topic: str, event: str, message: Any, *, about: Mapping[str, Any] | None = None) -> None:
        """Send it.

        Args:
            about: The document (``doctype``, ``name``) that a client must be allowed to read to get it.
        """


class Realtime:
    """Where messages to connected clients go; nowhere (``None``) until a server runs."""

    publish: Publish | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteServices:
    """What the names of this room call: the site's rooms, filled once by ``app``.

    Args:
        resolve: Finds a function by its dotted path.
        publisher: Told of deliveries that a call queues by itself (replays, backfills).
        references: Looks up secrets that are named instead of stored.
        sync: Runs and receives for this site.
        forget_credentials: Called after users, roles, keys, passwords or sessions have changed.
        connections: The Connected Apps and what users have granted them.
        bell: Rung after a job was queued.
        aftermath: What calls left to be written after their end; whoever runs calls runs it.
        realtime: What ``publish_realtime`` sends goes there.
    """

    documents: DocumentContext
    settings: Settings
    apps: InstalledApps
    resolve: Callable[[str], Callable[..., Any]]
    publisher: Publisher
    sync: SyncServices
    references: References
    forget_credentials: Callable[[], None]
    connections: ConnectContext
    bell: Bell = field(default_factory=Bell)
    aftermath: Aftermath = field(default_factory=Aftermath)
    realtime: Realtime = field(default_factory=Realtime)


@dataclass(slots=True, kw_only=True)
class Call:
    """One call into app code.

    Args:
        arguments: What the request sent (``frappe.form_dict``).
        messages: What ``msgprint`` said; it goes out beside the answer.
        response: Keys that the function sets on the answer (``frappe.response``).
        after_call: Written in a transaction of its own once the call has ended, well or not (logs).
    """

    site: SiteServices
    tx: Transaction
    actor: Actor
    request: IncomingRequest | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    response: dict[str, Any] = field(default_factory=dict)
    flags: dict[str, Any] = field(default_factory=dict)
    after_call: list[Work] = field(default_factory=list)


_current: ContextVar[Call | None] = ContextVar("demitasse_call", default=None)


def current() -> Call:
    """Return the call that is running.

    Raises:
        NoCall: none is.
    """
    call = _current.get()
    if call is None:
        message = "frappe is used outside of a request or a command: run the code with `demitasse execute`"
        raise NoCall(message)
    return call


def find_current() -> Call | None:
    """Return the call that is running, if one is."""
    return _current.get()


@contextmanager
def bound(call: Call) -> Iterator[Call]:
    """Make a call the running one while the block lasts."""
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)
        if call.after_call:
            call.site.aftermath.add(call.after_call)
