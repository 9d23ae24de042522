"""How many clients there are, in all and from each address."""

from demitasse.live.errors import TooMany
from demitasse.live.model import Limits


class Capacity:
    """Counts connections from the moment they are accepted, admitted or not."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: dict[str | None, int] = {}
        self.taken = 0

    def enter(self, address: str | None) -> None:
        """Take one place.

        Raises:
            TooMany: there is none.
        """
        limits = self._limits
        if self.taken >= limits.connections:
            message = f"{limits.connections} clients are connected, which is as many as this server takes: try later"
            raise TooMany(message, limit=limits.connections)
        if address is not None and self._by_address.get(address, 0) >= limits.connections_per_address:
            message = f"{limits.connections_per_address} clients are connected from your address: close some first"
            raise TooMany(message, limit=limits.connections_per_address)
        self.taken += 1
        self._by_address[address] = self._by_address.get(address, 0) + 1

    def leave(self, address: str | None) -> None:
        """Give the place back."""
        self.taken -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]
