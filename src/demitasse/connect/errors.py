"""What can go wrong between a site and an OAuth provider. No message and no data holds a token, a code or a secret."""

from demitasse.kernel.errors import DemitasseError


class ConnectError(DemitasseError):
    """A connection to a provider cannot be made or used."""

    code = "connect_error"


class NotConnected(ConnectError):
    """The user has to authorise first, or again; ``data`` has ``app``, ``user`` and ``connect_url``."""

    code = "not_connected"


class InvalidFlow(ConnectError):
    """A callback belongs to no authorisation that is under way: never begun, used already, or too old."""

    code = "invalid_flow"


class ForeignFlow(ConnectError):
    """A callback belongs to an authorisation that somebody else began, or another session."""

    code = "foreign_flow"


class ConsentDenied(ConnectError):
    """The person, or the provider on its own, did not agree."""

    code = "consent_denied"


class UnsafeAddress(ConnectError):
    """An address is none that a person may be sent to."""

    code = "unsafe_address"


class Misconfigured(ConnectError):
    """The Connected App lacks something or is not what the provider knows; a person must correct it."""

    code = "misconfigured_app"


class ProviderUnavailable(ConnectError):
    """The provider did not answer, or not in a way that can be read; the grant is kept.

    Args:
        may_be_repeated: Nothing was done at the provider, so the same request may be sent at once again.
    """

    code = "provider_unavailable"

    def __init__(self, message: str, *, may_be_repeated: bool = False, **data: object) -> None:
        super().__init__(message, **data)
        self.may_be_repeated = may_be_repeated


class GrantRefused(ConnectError):
    """The provider no longer honours a code or a refresh token (``invalid_grant``, RFC 6749, section 5.2)."""

    code = "grant_refused"
