"""The glue between Authlib, which writes the requests, and the way they are sent; and how a provider knows its clients."""

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from typing_extensions import override

from demitasse.connect.model import AppSettings
from demitasse.connect.ports import Http, Reply


class Styles:
    """How each provider wants to be told who the client is, once one way has worked."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    def to_try(self, url: str, app: AppSettings) -> tuple[str, ...]:
        """Return the ways to try, the likeliest first (RFC 6749, section 2.3.1: every provider must know Basic)."""
        if app.client_secret is None:
            return ("none",)
        known = self._known.get((url, app.client_id))
        return (known,) if known else ("client_secret_basic", "client_secret_post")

    def worked(self, url: str, app: AppSettings, style: str) -> None:
        """Remember the way that worked."""
        self._known[url, app.client_id] = style

    def forget(self, url: str, app: AppSettings) -> None:
        """Try anew: the provider has changed its mind."""
        self._known.pop((url, app.client_id), None)


class Session:
    """What Authlib sends through."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuth) -> "Answer":
        """Send a form with the client's credentials in the way that ``auth`` knows."""
        url, signed, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return Answer(self._http.send("POST", url, headers=signed, body=body.encode()))


class Answer:
    """An answer with the names that Authlib looks for."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.status_code = reply.status


class Client(OAuth2Client):  # type: ignore[misc] # Authlib has no types
    """Authlib's client; how an answer is read is ours, since its clock and its errors are not."""

    client_auth_class = ClientAuth
    oauth_error_class = OAuth2Error

    def __init__(self, session: Session, app: AppSettings, style: str) -> None:
        super().__init__(
            session=session,
            client_id=app.client_id,
            client_secret=app.client_secret,
            token_endpoint_auth_method=style,
            revocation_endpoint_auth_method=style,
            code_challenge_method="S256",
            token={},
        )
        self.register_client_auth_method(("client_secret_basic", _basic))

    @override
    def parse_response_token(self, resp: Answer) -> Reply:
        """Return the answer as it is."""
        return resp.reply

    @override
    def _refresh_token(self, url: str, **options: Any) -> Reply:
        """Send what ``refresh_token`` has prepared, and return the answer as it is."""
        options.pop("refresh_token", None)
        answer: Answer = self._http_post(url, **options)
        return answer.reply


def _basic(
    client: ClientAuth,
    method: str,  # noqa: ARG001 - Authlib's signature
    uri: str,
    headers: dict[str, str],
    body: str,
) -> tuple[str, Any, str]:
    """Name the client in the Authorization header, both parts encoded as a form's (RFC 6749, section 2.3.1)."""
    text = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(text.encode()).decode()}"
    return uri, headers, body
