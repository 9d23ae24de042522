"""What can be wrong with a request about a delivery."""

from demitasse.kernel.errors import DemitasseError


class UnknownDelivery(DemitasseError):
    """There is no delivery of this name; ``data`` has ``delivery``."""

    code = "unknown_delivery"


class NothingToSend(DemitasseError):
    """The delivery has no body, because its template failed; ``data`` has ``delivery``."""

    code = "nothing_to_send"
