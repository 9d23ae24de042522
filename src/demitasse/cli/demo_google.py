"""A small Google for the tour: it logs people in, gives tokens (OAuth 2, PKCE, rotation) and shows a calendar."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from demitasse.cli.demo_server import LoopbackServer, QuietHandler

CLIENT_ID, CLIENT_SECRET = "scoopjoy.apps.demo", "demo-google-secret"
_BAD_REQUEST, _UNAUTHORISED, _FOUND, _OK = 400, 401, 302, 200
_EVENTS = (
    ("Franchise call", {"dateTime": "2026-05-01T10:00:00+05:30"}, {"dateTime": "2026-05-01T10:30:00+05:30"}, "Bandra"),
    (
        "Tasting: alphonso mango",
        {"dateTime": "2026-05-01T15:00:00+05:30"},
        {"dateTime": "2026-05-01T16:00:00+05:30"},
        "Kitchen",
    ),
    (None, {"date": "2026-05-02"}, {"date": "2026-05-03"}, None),
)


class GoogleService(LoopbackServer):
    """The provider and its calendar. Each access token is good until ``end_access_tokens``."""

    def __init__(self) -> None:
        super().__init__(type("Handler", (_Handler,), {"google": self}))
        self.codes: dict[str, tuple[str, str]] = {}
        self.access_tokens: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.refreshes = 0

    def end_access_tokens(self) -> None:
        """Take every access token back, as if their hour were over; refresh tokens stay good."""
        self.access_tokens.clear()

    def token(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint."""
        if form.get("grant_type") == "refresh_token":
            if form.get("refresh_token") not in self.refresh_tokens:
                return _BAD_REQUEST, {"error": "invalid_grant"}
            self.refresh_tokens.remove(form["refresh_token"])
            self.refreshes += 1
            return _OK, self._tokens()
        challenge, redirect_uri = self.codes.pop(form.get("code", ""), ("", ""))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proves = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not challenge or proves != challenge or form.get("redirect_uri") != redirect_uri:
            return _BAD_REQUEST, {"error": "invalid_grant"}
        return _OK, self._tokens()

    def _tokens(self) -> dict[str, Any]:
        access_token, refresh_token = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.access_tokens.add(access_token)
        self.refresh_tokens.add(refresh_token)
        return {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": 3600,
        }


class _Handler(QuietHandler):
    """Serves the provider's endpoints and the calendar."""

    google: GoogleService

    def do_GET(self) -> None:  # noqa: N802 - the name that http.server calls
        path = urlsplit(self.path).path
        if path == "/auth":
            self._redirect_with_code()
        elif path == "/calendar/v3/calendars/primary/events":
            self._show_events()
        else:
            self.answer(404, {"error": "not_found"})

    def do_POST(self) -> None:  # noqa: N802 - as above
        form = _plain(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        if urlsplit(self.path).path == "/token" and self._is_client(form):
            self.answer(*self.google.token(form))
        elif urlsplit(self.path).path == "/revoke":
            self.google.refresh_tokens.discard(form.get("token", ""))
            self.answer(_OK, {})
        else:
            self.answer(_UNAUTHORISED, {"error": "invalid_client"})

    def _redirect_with_code(self) -> None:
        """Let the person in, who is logged in here and agrees to everything."""
        asked = _plain(urlsplit(self.path).query)
        if asked.get("client_id") != CLIENT_ID or asked.get("code_challenge_method") != "S256":
            self.answer(_BAD_REQUEST, {"error": "invalid_request"})
            return
        code = secrets.token_urlsafe(24)
        self.google.codes[code] = (asked["code_challenge"], asked["redirect_uri"])
        self.send_response(_FOUND)
        query = urlencode({"code": code, "state": asked["state"]})
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _show_events(self) -> None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in self.google.access_tokens:
            self.answer(_UNAUTHORISED, {"error": {"code": 401, "message": "Invalid Credentials"}})
            return
        items = [
            {
                **({"summary": summary} if summary else {}),
                "start": start,
                "end": end,
                **({"location": location} if location else {}),
            }
            for summary, start, end, location in _EVENTS
        ]
        self.answer(_OK, {"kind": "calendar#events", "items": items})

    def _is_client(self, form: dict[str, str]) -> bool:
        basic = f"Basic {base64.b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}"
        in_form = (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        return in_form or self.headers.get("Authorization") == basic


def _plain(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}
