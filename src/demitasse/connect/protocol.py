"""What is said to a provider, and what its answers mean. Authlib writes the requests (RFC 6749, 7009, 7636)."""

import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import quote_plus, urlencode

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from typing_extensions import override

from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured, ProviderUnavailable
from demitasse.connect.model import AppSettings, Endpoints, Tokens, origin_of, plain_text, scrub, split_scopes
from demitasse.connect.ports import Http, Reply
from demitasse.kernel.clock import Clock

_OK = range(200, 300)
_UNAUTHORISED, _BAD_REQUEST, _TOO_MANY, _SERVER_ERRORS = 401, 400, 429, range(500, 600)
_WRONG_STYLE = frozenset({"invalid_client", "invalid_request", "unauthorized_client"})
_MAX_LIFETIME_S = 10 * 365 * 86_400.0
_OWN_PARAMETERS = frozenset(
    {
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    },
)


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


class Provider:
    """One provider, as one app talks to it.

    Args:
        endpoints: Where it does what, discovery included.
    """

    def __init__(self, app: AppSettings, endpoints: Endpoints, *, http: Http, styles: Styles, clock: Clock) -> None:
        self._app = app
        self._endpoints = endpoints
        self._http = http
        self._styles = styles
        self._clock = clock

    def authorization_url(
        self, *, state: str, verifier: str, nonce: str, redirect_uri: str, scopes: Iterable[str], asks_consent: bool
    ) -> str:
        """Return where a person agrees; the app's query parameters are added, and cannot replace what guards the flow."""
        extra: dict[str, Any] = {"prompt": "consent"} if asks_consent else {}
        extra |= {key: value for key, value in self._app.query_parameters if key not in _OWN_PARAMETERS}
        scope = " ".join(scopes)
        if "openid" in scope.split():
            extra["nonce"] = nonce
        where = self._required("authorization_uri", "Authorization URI")
        if not origin_of(where):  # It may come from a discovery document, and people are sent there.
            message = f"The Authorization URI of Connected App {self._app.name} is no web address"
            raise Misconfigured(message, app=self._app.name)
        url, _ = self._client("none").create_authorization_url(
            where,
            state=state,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
            scope=scope or None,
            **extra,
        )
        return str(url)

    def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Tokens:
        """Return the tokens that a code stands for (RFC 6749, section 4.1.3).

        Raises:
            GrantRefused: the code is not honoured.
            Misconfigured: the provider does not know the app, or something is missing in it.
            ProviderUnavailable: there was no answer that can be read.
        """
        return self._tokens(
            lambda client, url: client.fetch_token(
                url,
                grant_type="authorization_code",
                code=code,
                code_verifier=verifier,
                redirect_uri=redirect_uri,
            ),
            secrets=(code, verifier),
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Return newer tokens (RFC 6749, section 6); what cannot have reached the provider is sent a second time.

        Raises:
            GrantRefused: the refresh token is not honoured any more.
            Misconfigured: the provider does not know the app, or something is missing in it.
            ProviderUnavailable: there was no answer that can be read; the old tokens are as good as before.
        """

        def ask() -> Tokens:
            return self._tokens(
                lambda client, url: client.refresh_token(url, refresh_token=refresh_token), secrets=(refresh_token,)
            )

        try:
            return ask()
        except ProviderUnavailable as error:
            if not error.may_be_repeated:
                raise
            return ask()

    def client_credentials(self) -> Tokens:
        """Return a token of the app itself (RFC 6749, section 4.4)."""
        scope = " ".join(self._app.scopes)
        return self._tokens(
            lambda client, url: client.fetch_token(
                url, grant_type="client_credentials", **({"scope": scope} if scope else {})
            ),
            secrets=(),
        )

    def revoke(self, token: str, *, hint: str) -> None:
        """Make a token worthless at the provider (RFC 7009).

        Raises:
            ConnectError: the provider did not do it.
        """
        url = self._required("revocation_uri", "Revocation URI")
        reply = self._each_style(
            url, lambda client: client.revoke_token(url, token=token, token_type_hint=hint).reply, lambda reply: reply
        )
        if reply.status not in _OK:
            self._refuse(reply, secrets=(token,))

    def claims(self, access_token: str) -> Mapping[str, Any]:
        """Return what the provider says of the user (OpenID Connect, userinfo).

        Raises:
            ConnectError: it says nothing, or does not accept the token; then it is a ``GrantRefused``.
        """
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        reply = self._http.send("GET", self._required("userinfo_uri", "Userinfo URI"), headers=headers)
        if reply.status == _UNAUTHORISED:
            message = "The provider does not accept the access token"
            raise GrantRefused(message)
        content = reply.json_object()
        if reply.status not in _OK or content is None:
            self._refuse(reply, secrets=(access_token,))
        return content

    def _tokens(self, ask: Callable[[OAuth2Client, str], Any], *, secrets: tuple[str, ...]) -> Tokens:
        url = self._required("token_uri", "Token URI")
        issued_at = self._clock()  # Before the request: the life of a token is never taken for longer than it is.
        reply: Reply = self._each_style(url, lambda client: ask(client, url), lambda reply: reply)
        content = reply.json_object()
        if content is None or "error" in content or reply.status not in _OK or not content.get("access_token"):
            self._refuse(reply, secrets=secrets)
        granted = content.get("refresh_token")
        id_token = content.get("id_token")
        return Tokens(
            access_token=str(content["access_token"]),
            refresh_token=str(granted) if granted else None,
            token_type=str(content.get("token_type") or "Bearer"),
            expires_in=_lifetime(content.get("expires_in")),
            scopes=split_scopes(content.get("scope")),
            issued_at=issued_at,
            id_token=id_token if isinstance(id_token, str) else None,
        )

    def _each_style(self, url: str, ask: Callable[[OAuth2Client], Any], reply_of: Callable[[Any], Reply]) -> Reply:
        """Send a request in the way that this provider knows clients by; the first time, find it out."""
        styles = self._styles.to_try(url, self._app)
        reply: Reply | None = None
        for style in styles:
            reply = reply_of(ask(self._client(style)))
            if reply.status in _OK and _error_of(reply) not in _WRONG_STYLE:
                self._styles.worked(url, self._app, style)
                return reply
            if reply.status != _UNAUTHORISED and _error_of(reply) not in _WRONG_STYLE:
                return reply
        self._styles.forget(url, self._app)
        assert reply is not None  # noqa: S101 - there is always a style
        return reply

    def _client(self, style: str) -> "_Client":
        return _Client(_Session(self._http), self._app, style)

    def _required(self, name: str, label: str) -> str:
        value: str = getattr(self._endpoints, name)
        if not value:
            message = f"Connected App {self._app.name} has no {label}: fill it in, or its OpenID Configuration"
            raise Misconfigured(message, app=self._app.name)
        return value

    def _refuse(self, reply: Reply, *, secrets: tuple[str, ...]) -> NoReturn:
        """Raise what a refusal means. What the provider says is shown without what it was sent."""
        content = reply.json_object() or {}
        error = str(content.get("error") or "")
        said = plain_text(" ".join(str(part) for part in (error, content.get("error_description")) if part))
        told = scrub(said, (*secrets, self._app.client_secret))
        raise _meaning(reply.status, error, told, provider=self._app.provider_name or self._app.name)


def _meaning(status: int, error: str, told: str, *, provider: str) -> ConnectError:
    if error == "invalid_grant":
        return GrantRefused(f"{provider} does not honour the grant: {told}")
    if status in _SERVER_ERRORS:
        message = f"{provider} answered with status {status}. What was granted is kept; try again later"
        return ProviderUnavailable(message, may_be_repeated=True, status=status)
    if status == _TOO_MANY or error in {"temporarily_unavailable", "server_error", "slow_down"}:
        message = f"{provider} cannot answer now ({told or status}). What was granted is kept; try again later"
        return ProviderUnavailable(message, status=status)
    if error == "invalid_client" or (status == _UNAUTHORISED and not error):
        message = f"{provider} does not know the app: check Client Id and Client Secret ({told or status})"
        return Misconfigured(message, status=status)
    if error:
        message = f"{provider} refuses the request: {told}. Check the Connected App, and what is registered there"
        return Misconfigured(message, status=status, error=plain_text(error))
    message = f"{provider} answered with status {status} and nothing that can be read. What was granted is kept"
    return ProviderUnavailable(message, status=status)


class _Session:
    """What Authlib sends through."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: ClientAuth) -> "_Answer":
        """Send a form with the client's credentials in the way that ``auth`` knows."""
        url, signed, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Answer(self._http.send("POST", url, headers=signed, body=body.encode()))


class _Answer:
    """An answer with the names that Authlib looks for."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.status_code = reply.status


class _Client(OAuth2Client):  # type: ignore[misc] # Authlib has no types
    """Authlib's client; how an answer is read is ours, since its clock and its errors are not."""

    client_auth_class = ClientAuth
    oauth_error_class = OAuth2Error

    def __init__(self, session: _Session, app: AppSettings, style: str) -> None:
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
    def parse_response_token(self, resp: _Answer) -> Reply:
        """Return the answer as it is."""
        return resp.reply

    @override
    def _refresh_token(self, url: str, **options: Any) -> Reply:
        """Send what ``refresh_token`` has prepared, and return the answer as it is."""
        options.pop("refresh_token", None)
        answer: _Answer = self._http_post(url, **options)
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


def _error_of(reply: Reply) -> str:
    content = reply.json_object()
    return str(content.get("error") or "") if content else ""


def _lifetime(value: Any) -> float | None:
    """Return the seconds of ``expires_in``; ``None`` where it is missing or means nothing."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return None
    return min(seconds, _MAX_LIFETIME_S) if seconds > 0 else None
