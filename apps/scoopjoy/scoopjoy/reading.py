"""Answers of other services, read within bounds."""

import time

import requests

MAX_ANSWER_BYTES = 64 * 1024


def read_body(answer, deadline, limit=MAX_ANSWER_BYTES):
    """Return the body of an answer that was asked for with ``stream=True``.

    Raises:
        requests.RequestException: it is longer than the limit in bytes, or did not end by the deadline (monotonic).
    """
    body = bytearray()
    # Byte by byte from the buffer, so that a server that drips cannot hold us beyond the deadline.
    for byte in answer.iter_content(1):
        body += byte
        if len(body) > limit:
            raise requests.exceptions.ContentDecodingError
        if time.monotonic() > deadline:
            raise requests.Timeout
    return bytes(body)
