"""``frappe.cache``: values that may be lost, kept in this process for a while."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from demitasse.frappe.context import current
from demitasse.kernel.clock import monotonic_s

MAX_VALUES = 10_000


class Cache:
    """A cache for each site, from all threads; the values that were not used for longest go first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[Any, float | None]] = OrderedDict()

    def __call__(self) -> "Cache":
        """Return itself: ``frappe.cache()`` is the older way to say ``frappe.cache``."""
        return self

    def get_value(
        self,
        key: str,
        generator: Callable[[], Any] | None = None,
        user: str | bool | None = None,
        expires: bool = False,
        **_: Any,
    ) -> Any:
        """Return a value, or what ``generator`` makes of it where it is not there any more."""
        place = self._place(key, user)
        with self._guard:
            found = self._kept.get(place)
            if found is not None and (found[1] is None or found[1] > monotonic_s()):
                self._kept.move_to_end(place)
                return found[0]
        if generator is None:
            return None
        value = generator()
        self.set_value(key, value, user=user)
        return value

    def set_value(
        self,
        key: str,
        val: Any,
        user: str | bool | None = None,
        expires_in_sec: float | None = None,
        **_: Any,
    ) -> None:
        """Keep a value, for some seconds or until it is pushed out."""
        until_s = None if expires_in_sec is None else monotonic_s() + expires_in_sec
        place = self._place(key, user)
        with self._guard:
            self._kept[place] = (val, until_s)
            self._kept.move_to_end(place)
            while len(self._kept) > MAX_VALUES:
                self._kept.popitem(last=False)

    def delete_value(self, keys: str | list[str], user: str | bool | None = None, **_: Any) -> None:
        """Forget one value, or several."""
        with self._guard:
            for key in [keys] if isinstance(keys, str) else keys:
                self._kept.pop(self._place(key, user), None)

    delete_key = delete_value

    def hget(self, name: str, key: str, generator: Callable[[], Any] | None = None, **_: Any) -> Any:
        """Return a value of a group."""
        return self.get_value(f"{name}|{key}", generator)

    def hset(self, name: str, key: str, value: Any, **_: Any) -> None:
        """Keep a value in a group."""
        self.set_value(f"{name}|{key}", value)

    def hdel(self, name: str, keys: str | list[str], **_: Any) -> None:
        """Forget values of a group."""
        self.delete_value([f"{name}|{key}" for key in ([keys] if isinstance(keys, str) else keys)])

    @staticmethod
    def _place(key: str, user: str | bool | None) -> tuple[str, str]:
        call = current()
        owner = call.actor.user if user is True else user or ""
        return str(call.site.settings.site), f"{owner}|{key}"
