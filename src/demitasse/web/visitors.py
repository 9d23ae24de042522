"""Who sends a request: by credentials in a header, by the cookie of a session, or nobody."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from demitasse.auth.errors import InvalidCsrfToken
from demitasse.auth.keys.store import note_uses
from demitasse.auth.model import GUEST_ACTOR, Actor
from demitasse.auth.sessions import store
from demitasse.auth.sessions.model import Session
from demitasse.settings.model import Settings
from demitasse.web.cookies import sid_of
from demitasse.web.request import SAFE_METHODS
from demitasse.web.services import WebServices

_log = structlog.get_logger("demitasse.web")
TOKEN_HEADER = "x-frappe-csrf-token"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks.

    Args:
        session: The browser's session; ``None`` for credentials in a header, and for nobody.
        has_expired: The browser has a cookie that opens no session any more.
    """

    actor: Actor
    session: Session | None = None
    has_expired: bool = False


NOBODY = Visitor(actor=GUEST_ACTOR)


async def identify(services: WebServices, headers: Mapping[str, str], *, is_use: bool = True) -> Visitor:
    """Return who sends a request with these headers (names in lower case); credentials win over a cookie.

    Args:
        is_use: It counts as a use of the session, and so keeps it open.

    Raises:
        NotAuthenticated: the credentials are malformed or wrong.
    """
    header = headers.get("authorization")
    authenticator = services.authenticator
    actor = authenticator.remembered(header)
    if actor is None:
        actor = await services.lanes.read(lambda tx: authenticator.authenticate(tx, header))
    if not actor.is_guest:
        _note_uses(services)
        return Visitor(actor=actor)
    sid = sid_of(headers.get("cookie"))
    if sid is None:
        return NOBODY
    session = await _resume(services, sid, now=services.site.documents.clock(), is_use=is_use)
    if session is None:
        return Visitor(actor=GUEST_ACTOR, has_expired=True)
    return Visitor(actor=session.actor, session=session)


def _note_uses(services: WebServices) -> None:
    uses = services.authenticator.take_uses()
    if uses:  # Nobody waits for it: when it is lost, a key only seems to have been used a little earlier.
        services.lanes.write(lambda tx: note_uses(tx, uses)).add_done_callback(_tell_if_lost)


async def _resume(services: WebServices, sid: str, *, now: datetime, is_use: bool) -> Session | None:
    sessions = services.sessions
    session = sessions.remembered(sid, now=now)
    if session is None:
        session = await services.lanes.read(lambda tx: sessions.resume(tx, sid, now=now))
    if session is not None and is_use and session.should_be_noted(now):
        session = sessions.note_seen(session, now=now)
        noted = session
        # Nobody waits for it: when it is lost, the session only ends a little earlier.
        services.lanes.write(lambda tx: store.note_seen(tx, noted)).add_done_callback(_tell_if_lost)
    return session


def check_origin(settings: Settings, headers: Mapping[str, str]) -> None:
    """Refuse a change that another site's page asks a browser for.

    Raises:
        InvalidCsrfToken: the page's origin is neither this site nor listed in ``allow_cors``.
    """
    origin = headers.get("origin")
    if origin is None or origin in settings.allow_cors:
        return
    ours = {headers.get("host", "").lower(), urlsplit(settings.host_name or "").netloc.lower()}
    if (urlsplit(origin).netloc.lower() or None) not in ours:
        message = f"Invalid Request: a page of {origin} may not do this here. List it in allow_cors if it should"
        raise InvalidCsrfToken(message)


def check_token(session: Session, headers: Mapping[str, str], *, sent: str | None) -> None:
    """Refuse a change of a session's that does not carry its CSRF token.

    Args:
        sent: The token in the form, where no header carries it.

    Raises:
        InvalidCsrfToken: it is missing or wrong.
    """
    if not session.has_token(headers.get(TOKEN_HEADER) or sent or ""):
        message = "Invalid Request: the CSRF token is missing or wrong. Send the session's in X-Frappe-CSRF-Token"
        raise InvalidCsrfToken(message)


def is_change(method: str) -> bool:
    """Return whether an HTTP method may change something."""
    return method not in SAFE_METHODS


def _tell_if_lost(written: asyncio.Future[None]) -> None:
    if not written.cancelled() and (error := written.exception()) is not None:
        _log.warning("use.not_noted", error=str(error))
