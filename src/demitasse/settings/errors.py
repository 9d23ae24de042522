"""What can be wrong with a site's settings."""

from demitasse.kernel.errors import DemitasseError


class InvalidSettings(DemitasseError):
    """The settings of a site cannot be used; the message names the key and says what to write."""

    code = "invalid_settings"
