"""What is said to a provider, and what its answers mean. Authlib writes the requests (RFC 6749, 7009, 7636)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured, ProviderUnavailable
from demitasse.connect.model import AppSettings, Endpoints, Tokens, origin_of, plain_text, scrub, split_scopes
from demitasse.connect.ports import Http, Reply
from demitasse.connect.speaking import Client, Session, Styles
from demitasse.kernel.clock import Clock

_OK = range(200, 300)
_UNAUTHORISED, _TOO_MANY, _SERVER_ERRORS = 401, 429, range(500, 600)
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

    def _tokens(self, ask: Callable[[Client, str], Any], *, secrets: tuple[str, ...]) -> Tokens:
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

    def _each_style(self, url: str, ask: Callable[[Client], Any], reply_of: Callable[[Any], Reply]) -> Reply:
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

    def _client(self, style: str) -> Client:
        return Client(Session(self._http), self._app, style)

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
