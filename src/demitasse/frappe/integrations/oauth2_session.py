"""A ``requests`` session that sends a user's token: a valid one, and once more with a new one where it is refused."""

from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from typing_extensions import override

from demitasse.connect.model import Grant
from demitasse.connect.refreshing import active_grant, refreshed
from demitasse.frappe.context import current
from demitasse.frappe.integrations.connecting import caller_of, connections, not_connected

_TIMEOUT_S = 30
_UNAUTHORISED = 401
_STREAMS = ("data", "files")


class ConnectedSession(OAuth2Session):  # type: ignore[misc] # Authlib has no types
    """The requests of a user to an app's API.

    Each request carries a token that is valid at that moment. An answer of 401 brings one refresh and one repetition
    (unless the body is a stream, which cannot be sent twice). Requests take 30 s at most for each step unless told.

    Args:
        app: Name of the Connected App.
    """

    def __init__(self, app: str, user: str, grant: Grant) -> None:
        super().__init__(token=_token(grant), default_timeout=_TIMEOUT_S)
        self._app = app
        self._user = user

    @override
    def request(
        self, method: str, url: str, withhold_token: bool = False, auth: Any = None, **options: Any
    ) -> requests.Response:
        """Send a request.

        Raises:
            NotConnected: the user has to authorise (again).
            ProviderUnavailable: the token has ended, and the provider cannot be asked for another one.
        """
        if withhold_token or auth is not None:
            response: requests.Response = super().request(
                method, url, withhold_token=withhold_token, auth=auth, **options
            )
            return response
        call = current()
        grant = active_grant(connections(call), caller_of(call), self._app, self._user)
        response = self._sent(grant, method, url, options)
        if grant is None or response.status_code != _UNAUTHORISED or _is_stream(options):
            return response
        newer = refreshed(connections(call), caller_of(call), grant, is_rejected=True)
        response.close()
        return self._sent(newer, method, url, options)

    def _sent(self, grant: Grant | None, method: str, url: str, options: dict[str, Any]) -> requests.Response:
        if grant is None:
            raise not_connected(self._app, self._user)
        self.token = _token(grant)
        caller_of(current()).step_aside()  # The API takes its time; nobody shall wait for what has only read.
        response: requests.Response = super().request(method, url, **options)
        return response


def _token(grant: Grant) -> dict[str, str]:
    """Return the token as Authlib sends it. Without an end: when it is stale is not for its clock to say."""
    return {"access_token": grant.tokens.access_token, "token_type": "Bearer"}


def _is_stream(options: dict[str, Any]) -> bool:
    """Return whether the body is used up once it is sent."""
    return any(options.get(name) is not None and not isinstance(options[name], str | bytes | dict) for name in _STREAMS)
