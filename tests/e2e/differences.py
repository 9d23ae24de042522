"""Where our answer differs from the recorded one on purpose, and why; and what a later issue brings.

Every other difference is a fault.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What we answer instead.

    Args:
        exc_type: None where the answer is no error.
        ignored: Fields of documents whose values are not compared.
    """

    reason: str
    status: int
    exc_type: str | None = None
    ignored: frozenset[str] = frozenset()


def _refused(status: int, exc_type: str, reason: str, *keys: str) -> dict[str, Difference]:
    return {key: Difference(status=status, exc_type=exc_type, reason=reason) for key in keys}


DELIBERATE: dict[str, Difference] = {
    **_refused(
        400,
        "JSONDecodeError",
        "a body that is no JSON is the caller's fault",
        "document: create malformed json",
        "document: update malformed json",
        "document: create invalid utf8",
        "method: echo malformed json",
        "errors: malformed json",
    ),
}

LATER: dict[str, str] = {}
