"""What can be refused to a client of live push."""

from demitasse.kernel.errors import DemitasseError


class LiveError(DemitasseError):
    """A client asks for what it does not get; ``code`` goes to it with the message."""

    code = "live_error"


class NotAdmitted(LiveError):
    """The credentials of a connection are missing or wrong."""

    code = "not_authenticated"


class ForbiddenOrigin(LiveError):
    """A page of another site opens a connection with the cookie of this one."""

    code = "forbidden_origin"


class SubscriptionRefused(LiveError):
    """Who asks may not hear this topic, or there is no such topic."""

    code = "not_permitted"


class TooMany(LiveError):
    """A cap is reached: connections, topics, or messages of a client."""

    code = "too_many"


class MalformedMessage(LiveError):
    """A client's message cannot be read."""

    code = "malformed_message"


class InvalidPublication(LiveError):
    """A message that is to be published uses a name that the protocol needs."""

    code = "invalid_publication"
