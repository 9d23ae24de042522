"""What can be wrong with an app."""

from demitasse.kernel.errors import DemitasseError


class UnknownApp(DemitasseError):
    """No importable package of this name has a ``hooks.py``."""

    code = "unknown_app"


class InvalidApp(DemitasseError):
    """An app is there but cannot be used; the message says which file and why."""

    code = "invalid_app"
