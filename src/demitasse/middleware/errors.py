"""What can be wrong with the middleware's configuration, or with what a phone asks."""

from demitasse.kernel.errors import DemitasseError


class InvalidConfiguration(DemitasseError):
    """The middleware cannot start with what it was told; the message names the setting and says what to write."""

    code = "invalid_configuration"


class InvalidMapping(DemitasseError):
    """The mapping file cannot be used; the message says where and what."""

    code = "invalid_mapping"


class UnknownDevice(DemitasseError):
    """There is no device token of this name or id."""

    code = "unknown_device"


class StoreFailed(DemitasseError):
    """The middleware's own file cannot be written or read: the disk is full, or another process holds it for too long."""

    code = "store_failed"


class Refusal(DemitasseError):
    """A request that is answered with an error.

    Args:
        message: For the person with the phone.
        status: Of the answer.
        retry_after_s: When asking again makes sense.
    """

    code = "refused"

    def __init__(self, message: str, *, status: int, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
