"""What one evaluation may cost: steps of work, and the length of a text.

A step is about a microsecond. Work that native code does in one go (a comparison of lists, a search in a long text) is
paid for beforehand, by the size of what it is done on, so that no expression can run for longer than its steps.
"""

from collections.abc import Iterable
from typing import Any

from demitasse.events.errors import BudgetExceeded

STEPS = 100_000
MAX_TEXT = 1_048_576
"""The longest text, in characters, that an expression may build."""

_FREE_TEXT = 255
_MAX_DEPTH = 64  # native code recurses into nested values, some of it without a check of the stack
_SCALARS = frozenset((int, float, bool, type(None)))
_EMPTY: dict[str, object] = {}
_CONTAINERS = (
    *(list, tuple, dict, set, frozenset, range),
    *(type(_EMPTY.keys()), type(_EMPTY.values()), type(_EMPTY.items())),
)


class Budget:
    """The steps that are left."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps

    def spend(self, steps: int = 1) -> None:
        """Take steps away.

        Raises:
            BudgetExceeded: fewer were left.
        """
        self.left -= steps
        if self.left < 0:
            message = "It does too much work: use fewer or shorter loops, lists and texts"
            raise BudgetExceeded(message)

    def spend_on(self, value: object) -> None:
        """Pay for one pass of native code over a value: a step for each item at any depth, one for 256 characters.

        Items that stand in several places are paid for in each, as native code visits them in each.
        """
        if type(value) in _SCALARS:
            return
        if isinstance(value, str):
            if len(value) > _FREE_TEXT:
                self.spend(len(value) >> 8)
        elif isinstance(value, _CONTAINERS):
            self._spend_on_items(value)

    def _spend_on_items(self, container: Any) -> None:
        level = [container]
        for _ in range(_MAX_DEPTH):
            inner: list[Any] = []
            for item in level:
                if isinstance(item, str):
                    self.spend(len(item) >> 8)
                    continue
                self.spend(len(item) + 1)
                if not isinstance(item, range):
                    inner += _nested(item)
            if not inner:
                return
            level = inner
        message = f"Lists are nested more than {_MAX_DEPTH} deep"
        raise BudgetExceeded(message)


def _nested(container: Iterable[Any]) -> list[Any]:
    if isinstance(container, dict):
        return [*_nested(container.keys()), *_nested(container.values())]
    return [item for item in container if isinstance(item, (str, *_CONTAINERS))]


def check_length(length: int) -> None:
    """Refuse to build a text that would be too long.

    Raises:
        BudgetExceeded: ``length`` is above ``MAX_TEXT``.
    """
    if length > MAX_TEXT:
        message = f"It would make a text of {length} characters; at most {MAX_TEXT} are allowed"
        raise BudgetExceeded(message)
