"""What can be wrong with the use of this room; a refused request is a result and no error."""

from demitasse.kernel.errors import DemitasseError


class UnknownScheme(DemitasseError):
    """No signature scheme has this name; ``data`` has ``known``."""

    code = "unknown_scheme"


class InvalidScheme(DemitasseError):
    """A scheme was given an option that it cannot work with."""

    code = "invalid_scheme"
