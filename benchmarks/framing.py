"""HTTP/1.1 messages with a known length: all that the programs of the benchmarks send to each other."""

import re

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


def body_range(data: bytes) -> tuple[int, int] | None:
    """Return where the body of the first message begins and ends, or ``None`` while it is not all there.

    Raises:
        ValueError: the message does not say how long it is.
    """
    end_of_head = data.find(_END_OF_HEAD)
    if end_of_head < 0:
        return None
    found = _LENGTH.search(data, 0, end_of_head + 2)
    if found is None:
        message = f"A message without Content-Length: {data[:300]!r}"
        raise ValueError(message)
    begins = end_of_head + 4
    ends = begins + int(found[1])
    return None if len(data) < ends else (begins, ends)
