"""What makes a request unfit to leave, and what makes the settings that guard it unusable."""

from demitasse.kernel.errors import DemitasseError


class UnusableUrl(DemitasseError):
    """A URL cannot be requested; the message says which part and what to write instead."""

    code = "unusable_url"


class UnusableRequest(DemitasseError):
    """A request's method or one of its headers cannot be put on the wire; ``data`` may have ``header``."""

    code = "unusable_request"


class UnusableAllowList(DemitasseError):
    """An entry of ``webhook_allow_hosts`` is no host name, address or network; ``data`` has ``entry``."""

    code = "unusable_allow_list"


class UnusableProxy(DemitasseError):
    """The outgoing proxy's URL cannot be used."""

    code = "unusable_proxy"


class StreamUnavailable(DemitasseError):
    """The stream of a broker cannot be reached, or refused; it may be later."""

    code = "stream_unavailable"


class UnusableStream(DemitasseError):
    """The URL of a broker cannot be used."""

    code = "unusable_stream"


class BrokerUnavailable(DemitasseError):
    """A message broker cannot be used now."""

    code = "broker_unavailable"
