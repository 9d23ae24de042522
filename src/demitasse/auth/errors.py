"""What can be wrong with who asks."""

from demitasse.kernel.errors import DemitasseError


class NotAuthenticated(DemitasseError):
    """The credentials are missing, malformed or wrong."""

    code = "not_authenticated"


class NotPermitted(DemitasseError):
    """The actor may not do this; ``data`` may have ``doctype``, ``name`` and ``action``."""

    code = "not_permitted"


class WrongLogin(NotAuthenticated):
    """User or password are wrong or missing; it says no more, so that nobody learns who has an account."""

    code = "wrong_login"


class TooManyLogins(DemitasseError):
    """Too many logins failed; ``data`` has ``retry_after_s``."""

    code = "too_many_logins"


class InvalidCsrfToken(DemitasseError):
    """A browser's request that changes something does not prove that one of our pages made it."""

    code = "invalid_csrf_token"


class UnknownKey(DemitasseError):
    """There is no such API key."""

    code = "unknown_key"


class InvalidKey(DemitasseError):
    """An API key cannot be made as it is asked for; ``data`` has ``field``."""

    code = "invalid_key"


class WeakPassword(DemitasseError):
    """A new password is too short, or too long."""

    code = "weak_password"
