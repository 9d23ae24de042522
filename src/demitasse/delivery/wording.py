"""What became of an attempt, in plain words: what happened, and what to do about it."""

_MAX_LOCATION = 200
_ADVICE = {
    400: "it found the request malformed. Compare the body with what the receiver expects",
    401: "it wants credentials. Check the webhook's headers and secret",
    402: "it wants to be paid first. Ask whoever runs it",
    403: "it refuses us. Check the webhook's headers and secret, and the receiver's list of allowed senders",
    404: "there is nothing at this URL. Check the request URL",
    405: "the URL does not take this method. Check the request method",
    408: "it waited too long for the request",
    409: "the request conflicts with what it has",
    411: "it wants the length of the body in a form that we do not send",
    413: "the body is too large for it. Send fewer fields",
    415: "it does not take this type of body. Check the request structure and the Content-Type header",
    422: "it cannot process the content. Compare the body with what the receiver expects",
    425: "it does not want to risk a repeat yet",
    429: "it gets more requests than it wants. It is left alone for a while; a rate limit on the webhook avoids this",
    431: "the headers are too large for it. Remove some from the webhook",
    500: "it failed. Look into its log",
    501: "it does not know this method. Check the request method",
    502: "a gateway before it got no good answer. Look into the receiver's log",
    503: "it is not available. It is left alone for a while",
    504: "a gateway before it waited too long. Answer first and work afterwards",
}
_HEADLINES = {
    "delivered": "Delivered",
    "dns": "Host name not found",
    "blocked": "Address not allowed",
    "refused": "Connection refused",
    "tls": "No secure connection",
    "timeout": "Timed out",
    "reset": "Connection broken off",
    "too_large": "Answer too large",
    "invalid": "Not an HTTP answer",
    "proxy": "Proxy failed",
    "not_sent": "Not sent",
    "redirect": "Redirect",
    "gone": "Gone",
    "overloaded": "Overloaded",
    "client_error": "Refused by the receiver",
    "server_error": "Receiver failed",
}


def headline(outcome: str, status: int) -> str:
    """Return what became of an attempt in two or three words, with the status code of its answer."""
    words = _HEADLINES.get(outcome, outcome.replace("_", " ").capitalize() or "Not sent")
    return f"{words} ({status})" if status else words


def refusal(status: int, outcome: str, *, location: str | None) -> str:
    """Return what an answer that is no success means, and what to do.

    Args:
        location: Where a redirect leads to.
    """
    if outcome == "redirect":
        to = f" to {location[:_MAX_LOCATION]}" if location else ""
        return f"The receiver answered {status}, a redirect{to}. Redirects are not followed: enter the final URL"
    if outcome == "gone":
        return "The receiver answered 410: it wants no more of these events. The webhook was paused, and its events are held"
    advice = _ADVICE.get(status) or _ADVICE[500 if outcome == "server_error" else 400]
    return f"The receiver answered {status}: {advice}"
