"""The cookies of a session, with Frappe's names. Source: RFC 6265; the draft 6265bis for ``SameSite``."""

from urllib.parse import quote

from demitasse.auth.sessions.model import IDLE, Session

SID = "sid"
_TOLD = ("system_user", "full_name", "user_id", "user_image")
"""What pages may read: who is logged in."""
_NOBODY = "Guest"
Header = tuple[bytes, bytes]


def sid_of(cookies: str | None) -> str | None:
    """Return the session's secret in a ``Cookie`` header, if there is one."""
    for pair in (cookies or "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == SID and value and value != _NOBODY:
            return value
    return None


def opening(sid: str, session: Session, *, is_secure: bool) -> list[Header]:
    """Return the headers that give a browser its session."""
    told = {
        "system_user": "yes" if session.is_system_user else "no",
        "full_name": quote(session.full_name),
        "user_id": quote(session.actor.user),
        "user_image": "",
    }
    age_s = int(IDLE.total_seconds())
    return [
        _header(SID, sid, age_s=age_s, is_secure=is_secure, more="; HttpOnly"),
        *(_header(name, value, age_s=age_s, is_secure=is_secure) for name, value in told.items()),
    ]


def ending(*, is_secure: bool) -> list[Header]:
    """Return the headers that take a browser's session away."""
    return [_header(name, "", age_s=0, is_secure=is_secure) for name in (SID, *_TOLD)]


def _header(name: str, value: str, *, age_s: int, is_secure: bool, more: str = "") -> Header:
    secure = "; Secure" if is_secure else ""
    text = f"{name}={value}; Path=/; Max-Age={age_s}; SameSite=Lax{secure}{more}"
    return b"set-cookie", text.encode("latin-1")
