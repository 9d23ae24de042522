"""What connections need from the rooms beside and above; ``app`` fills these."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from demitasse.connect.model import Grant
from demitasse.db.transaction import Transaction
from demitasse.kernel import json


class Database(Protocol):
    """A database whose transactions a thread may wait for."""

    def read(self) -> Transaction:
        """Return a reading transaction."""

    def write(self) -> Transaction:
        """Return a writing transaction."""


class Resolver(Protocol):
    """Finds secrets that are named instead of stored."""

    def resolve(self, text: str) -> str:
        """Return the text itself, or what it refers to."""


class Notices(Protocol):
    """Tells people."""

    def reauthorise(self, tx: Transaction, grant: Grant, *, reason: str) -> None:
        """Tell, once ``tx`` is durable, that a user has to authorise an app again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A provider's complete answer."""

    status: int
    body: bytes

    def json_object(self) -> Mapping[str, object] | None:
        """Return the JSON object that the answer is, ``None`` where it is something else."""
        try:
            found = json.decode(self.body)
        except json.MalformedJson:
            return None
        return found if isinstance(found, dict) else None


class Http(Protocol):
    """Sends one request to a provider; it blocks, so not on the event loop."""

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Return the answer, whatever its status.

        Raises:
            ProviderUnavailable: none came in time.
            Misconfigured: the address is none that this site may send secrets to.
        """
