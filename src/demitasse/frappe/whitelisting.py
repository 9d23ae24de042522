"""Which functions are endpoints, and calling one with what a request sent."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from demitasse.documents.errors import DocumentError

F = TypeVar("F", bound=Callable[..., Any])
_ANY_METHOD = ("GET", "POST", "PUT", "DELETE")
_OPTIONS = "__demitasse_endpoint__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How a whitelisted function may be called.

    Args:
        inline: It only reads, and quickly, so it may run on the event loop.
    """

    allow_guest: bool
    methods: tuple[str, ...]
    inline: bool = False


class MissingArgument(DocumentError):
    """A function was called without an argument that it needs."""

    code = "missing_argument"


def whitelist(
    allow_guest: bool = False,
    xss_safe: bool = False,
    methods: list[str] | tuple[str, ...] | None = None,
    inline: bool = False,
) -> Callable[[F], F]:
    """Make a function an endpoint at ``/api/method/<dotted.path>``.

    Args:
        allow_guest: Whether it may be called without logging in.
        xss_safe: Taken for compatibility; answers are JSON and never HTML.
        methods: HTTP methods that may call it; all by default.
        inline: It only reads, and quickly (built-in endpoints).
    """

    def mark(function: F) -> F:
        endpoint = Endpoint(allow_guest=allow_guest, methods=tuple(methods or _ANY_METHOD), inline=inline)
        setattr(function, _OPTIONS, endpoint)
        return function

    return mark


def endpoint_of(function: Callable[..., Any]) -> Endpoint | None:
    """Return how a function may be called over HTTP, ``None`` when it may not."""
    found: Endpoint | None = getattr(function, _OPTIONS, None)
    return found


@functools.lru_cache(maxsize=4096)
def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


def arguments_for(function: Callable[..., Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the sent values that the function takes.

    Raises:
        MissingArgument: one that it needs was not sent.
    """
    parameters = _parameters(function)
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    chosen = {key: value for key, value in sent.items() if takes_all or key in parameters}
    chosen.pop("cmd", None)
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}
        and name not in chosen
    ]
    if missing:
        message = f"{function.__name__}() needs {', '.join(missing)}: send it in the body or the query"
        raise MissingArgument(message, arguments=missing)
    return chosen
