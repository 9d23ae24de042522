"""The connections to the broker that ``broker_url`` names."""

from demitasse.kernel.errors import DemitasseError
from demitasse.transports.broker import GroupReader, StreamPublisher

MAX_ROWS = 200_000
"""About how many messages a Redis stream keeps; who falls further behind fetches anew."""


class UnusableBroker(DemitasseError):
    """``broker_url`` is missing, or of a broker that is not known."""

    code = "unusable_broker"


def publisher_to(url: str | None) -> StreamPublisher:
    """Return what publishes to a broker; nothing is connected yet.

    Raises:
        UnusableBroker: the URL cannot be used.
    """
    if _is_rabbit(url):
        # FastStream takes most of a second to import, and comes with the extra `broker`.
        from demitasse.transports.rabbit_stream import RabbitPublisher  # noqa: PLC0415 - as the comment says

        return RabbitPublisher(url or "")
    from demitasse.transports.redis_group import RedisPublisher  # noqa: PLC0415 - redis comes with the extra `broker`

    return RedisPublisher(url or "", max_rows=MAX_ROWS)


def reader_of(url: str | None, *, stream: str, group: str) -> GroupReader:
    """Return what reads a stream for a group; nothing is connected yet.

    Raises:
        UnusableBroker: the URL cannot be used.
    """
    if _is_rabbit(url):
        from demitasse.transports.rabbit_stream import RabbitReader  # noqa: PLC0415 - as above

        return RabbitReader(url or "", stream=stream, group=group)
    from demitasse.transports.redis_group import RedisReader  # noqa: PLC0415 - as above

    return RedisReader(url or "", stream=stream, group=group, consumer=group)


def _is_rabbit(url: str | None) -> bool:
    scheme = (url or "").partition("://")[0]
    if scheme in {"amqp", "amqps"}:
        return True
    if scheme in {"redis", "rediss"}:
        return False
    message = (
        "There are Sync Rules that need a broker: set broker_url in site_config.json, to amqp://user:password@host:5672/ "
        "or redis://host:6379/0"
    )
    raise UnusableBroker(message)
