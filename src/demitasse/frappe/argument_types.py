"""Arguments of endpoints against the types that their functions say, put into those types where nothing is lost."""

import inspect
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Union, get_args, get_origin

from demitasse.documents.errors import DocumentError

_TRUE = frozenset({"1", "true", "yes", "on", "t", "y"})
_FALSE = frozenset({"0", "false", "no", "off", "f", "n", ""})
_PLAIN = (str, int, float, bool, dict, list, tuple, set, bytes)
_FUNCTIONS_KEPT = 4096
_NOT_FITTING = object()
Types = tuple[type, ...]


class FrappeTypeError(DocumentError):
    """An argument is of another type than the function says; ``data`` has ``argument``."""

    code = "wrong_argument_type"


def checked(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as the function's annotations want them; text from a query becomes the number it says.

    Only plain types are looked at (``str``, ``int``, ``float``, ``bool``, ``dict``, ``list`` and their unions); an
    argument with any other annotation, or none, goes through as it is.

    Raises:
        FrappeTypeError: a value cannot be what the function says.
    """
    wanted = _types_of(getattr(function, "__func__", function))
    for name, accepted in wanted.items():
        value = arguments.get(name)
        if value is None or type(value) in accepted:
            continue
        fitting = _as_one_of(value, accepted)
        if fitting is _NOT_FITTING:
            says = " or ".join(kind.__name__ for kind in accepted)
            message = f"Argument '{name}' should be of type '{says}' but got '{type(value).__name__}' instead."
            raise FrappeTypeError(message, argument=name)
        arguments[name] = fitting
    return arguments


@lru_cache(maxsize=_FUNCTIONS_KEPT)
def _types_of(function: Callable[..., Any]) -> Mapping[str, Types]:
    found = {}
    for name, parameter in inspect.signature(function).parameters.items():
        accepted = _accepted(parameter.annotation)
        if accepted and parameter.kind not in {parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL}:
            default = parameter.default
            has_other = default is not parameter.empty and default is not None and type(default) not in accepted
            found[name] = (*accepted, type(default)) if has_other else accepted
    return found


def _accepted(annotation: Any) -> Types:
    """Return the plain types of an annotation; nothing where it has any other."""
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        parts = [_accepted(part) for part in get_args(annotation) if part is not type(None)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    kind = origin or annotation
    return (kind,) if isinstance(kind, type) and kind in _PLAIN else ()


def _as_one_of(value: Any, accepted: Types) -> Any:
    if isinstance(value, accepted):
        return value
    for kind in accepted:
        fitting = _fit(value, kind)
        if fitting is not _NOT_FITTING:
            return fitting
    return _NOT_FITTING


def _fit(value: Any, kind: type) -> Any:
    if kind is bool:
        return _as_bool(value)
    if kind in {int, float} and isinstance(value, str | int | float):
        return _as_number(value, kind)
    if kind in {tuple, set} and isinstance(value, list):
        return kind(value)
    return _NOT_FITTING


def _as_bool(value: Any) -> Any:
    if isinstance(value, int | float):  # Frappe takes any number where a function says bool
        return bool(value)
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
    return _NOT_FITTING


def _as_number(value: str | float, kind: type) -> Any:
    try:
        if kind is int and isinstance(value, float):
            return int(value) if value.is_integer() else _NOT_FITTING
        return kind(value.strip() if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return _NOT_FITTING
