"""Which topics somebody listens to, or has listened to so lately that he may come back for what he missed."""

_HEARD_NOW = float("inf")


class Warmth:
    """Remembers topics for as long as the log would keep their messages. No I/O, no clock."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._since: dict[str, int] = {}
        self._left_at_s: dict[str, float] = {}

    def is_warm(self, topic: str) -> bool:
        """Return whether messages of the topic are to be kept."""
        return topic in self._since

    def covers(self, topic: str, ordinal: int) -> bool:
        """Return whether every message of the topic after an ordinal has been kept."""
        since = self._since.get(topic)
        return since is not None and since <= ordinal

    def heard(self, topic: str, head: int) -> bool:
        """Note that somebody listens from now on, when ``head`` is the newest ordinal; return whether that is new."""
        is_new = topic not in self._since
        self._since.setdefault(topic, head)
        self._left_at_s[topic] = _HEARD_NOW
        return is_new

    def left(self, topic: str, *, now_s: float) -> None:
        """Note that the last one who listened has gone."""
        self._left_at_s[topic] = now_s

    def cool(self, *, now_s: float) -> list[str]:
        """Forget the topics that nobody has come back to, and return them."""
        cold = [topic for topic, left_s in self._left_at_s.items() if left_s + self._keep_s < now_s]
        for topic in cold:
            del self._left_at_s[topic], self._since[topic]
        return cold

    def restart(self, head: int) -> None:
        """Count from an ordinal on; what was kept before means nothing now."""
        self._since = dict.fromkeys(self._since, head)
