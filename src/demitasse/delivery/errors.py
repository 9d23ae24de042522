"""What can be wrong with the way a webhook is to be delivered."""

from demitasse.kernel.errors import DemitasseError


class InvalidSchedule(DemitasseError):
    """A retry schedule cannot be read; ``data`` has ``schedule``."""

    code = "invalid_schedule"


class InvalidSigningSecret(DemitasseError):
    """A secret that starts with ``whsec_`` does not go on with base64."""

    code = "invalid_signing_secret"


class HostNotListed(DemitasseError):
    """A URL that was made from a document leads to a host that the webhook does not name; ``data`` has ``host``."""

    code = "host_not_listed"
