"""What can be wrong with who asks."""

from demitasse.kernel.errors import DemitasseError


class NotAuthenticated(DemitasseError):
    """The credentials are missing, malformed or wrong."""

    code = "not_authenticated"


class NotPermitted(DemitasseError):
    """The actor may not do this; ``data`` may have ``doctype``, ``name`` and ``action``."""

    code = "not_permitted"
