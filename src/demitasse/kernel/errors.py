"""The base of every error that Demitasse raises on purpose."""

from typing import Any


class DemitasseError(Exception):
    """An anticipated failure, with a stable code for machines and a message for people.

    Args:
        message: One or two sentences that say what is wrong and what to do.
        data: Facts for the caller (names, limits), JSON-like. Never a secret.
    """

    code = "error"

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data
