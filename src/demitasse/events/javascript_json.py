"""JSON in the one form that JavaScript's ``JSON.stringify(JSON.parse(text))`` gives back.

Receivers that parse a body and write it again before they check its signature then check the bytes that were signed.
Source: ECMA-262 ``Number::toString``, ``OrdinaryOwnPropertyKeys`` and ``JSON.stringify``; Node is the oracle in tests.
"""

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import orjson  # noqa: TID251 - for Fragment, a number that the one encoder takes over as it is

from demitasse.events.errors import UnwritableValue
from demitasse.events.wording import describe
from demitasse.kernel.json import MalformedJson, decode, encode

_EXACT = 2**53
_MAX_DEPTH = 200
_MAX_INDEX = 2**32 - 2
_MAX_INTEGER_DIGITS = 15
_SETTLED = frozenset((str, bool, type(None)))
_ESCAPED = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def canonical(value: Any) -> bytes:
    """Return a plain JSON value (see ``wire.wire_value``) as canonical JSON.

    Integers beyond 2^53 are written as texts, so that no receiver loses digits. The value is used up: numbers in it are
    replaced in place.

    Raises:
        UnwritableValue: NaN, an infinity, an unknown type, or nested too deeply.
    """
    return _encode(_settle(value, 0, _write_number))


def json_text(value: Any) -> str:
    """Return a plain JSON value as JSON that ``canonical_text`` reads as the same value: large floats keep their exponent.

    The value is used up, as by ``canonical``.

    Raises:
        UnwritableValue: as ``canonical``.
    """
    return _encode(_settle(value, 0, _keep_large)).decode()


def canonical_text(text: str) -> bytes:
    """Return a JSON text in canonical form.

    Raises:
        MalformedJson: it is not JSON; ``data`` has ``line`` and ``column``.
        UnwritableValue: a number is too large for JavaScript, or it is nested too deeply.
    """
    try:
        settled = _settle(decode(text), 0, _doubt_large)
    except (MalformedJson, _Doubtful):
        settled = _settle(_decode_exactly(text), 0, _write_number)
    return _encode(settled)


def _encode(settled: Any) -> bytes:
    try:
        return encode(settled)
    except TypeError:  # lone surrogates, which UTF-8 does not have
        return _write(settled).encode()


class _Doubtful(Exception):
    """The fast parser may have lost digits."""


def _write_number(value: float) -> Any:
    return orjson.Fragment(js_number(value).encode())


def _keep_large(value: float) -> Any:
    return orjson.Fragment(repr(value).encode()) if math.isfinite(value) else _write_number(value)


def _doubt_large(_value: float) -> Any:
    raise _Doubtful


def _settle(value: Any, depth: int, large: Callable[[float], Any]) -> Any:
    """Return what stands for a value in the encoder's input; lists and dictionaries are changed in place."""
    kind = type(value)
    if kind in _SETTLED:
        return value
    if kind is dict or kind is list:
        return _settle_items(value, depth + 1, large)
    if kind is float:
        return _settle_float(value, large)
    if kind is int:
        return value if -_EXACT <= value <= _EXACT else str(value)
    message = f"There is no JSON form of {describe(value)}"
    raise UnwritableValue(message)


def _settle_items(container: Any, depth: int, large: Callable[[float], Any]) -> Any:
    if depth > _MAX_DEPTH:
        message = f"The JSON is nested too deeply: at most {_MAX_DEPTH} levels are allowed"
        raise UnwritableValue(message)
    is_dict = type(container) is dict
    for place, item in container.items() if is_dict else enumerate(container):
        kind = type(item)
        if kind in _SETTLED:
            continue
        if kind is float and 1e-3 <= item < 1e15:  # noqa: PLR2004 - a fraction of this size is written alike by both
            if item.is_integer():
                container[place] = int(item)
        elif kind is not int or not -_EXACT <= item <= _EXACT:
            container[place] = _settle(item, depth, large)
    return _indices_first(container) if is_dict and any(map(str.isdecimal, container)) else container


def _settle_float(value: float, large: Callable[[float], Any]) -> Any:
    if abs(value) < _EXACT:
        return int(value) if value.is_integer() else _write_number(value)
    return large(value)


def _indices_first(settled: dict[str, Any]) -> dict[str, Any]:
    indices = sorted(filter(_is_index, settled), key=int)
    return {key: settled[key] for key in (*indices, *settled)}


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) <= 10 and str(int(key)) == key and int(key) <= _MAX_INDEX  # noqa: PLR2004 - digits


def js_number(value: float) -> str:
    """Return a finite number as JavaScript prints it.

    Raises:
        UnwritableValue: it is NaN or infinite.
    """
    if not math.isfinite(value):
        message = "NaN and infinite numbers have no JSON form: a number is too large, or a division went wrong"
        raise UnwritableValue(message)
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    all_digits = (whole + fraction).lstrip("0")
    digits = all_digits.rstrip("0")
    if not digits:
        return "0"
    point = len(all_digits) - len(fraction) + int(power or 0)  # the value is 0.digits times ten to this power
    sign = "-" if value < 0 else ""
    return sign + _place_point(digits, point)


def _place_point(digits: str, point: int) -> str:
    if len(digits) <= point <= 21:  # noqa: PLR2004 - the limits are the standard's
        return digits.ljust(point, "0")
    if 0 < point <= 21:  # noqa: PLR2004
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:  # noqa: PLR2004
        return f"0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{tail}e{point - 1:+d}"


def plain_decimal(value: Decimal) -> float | str:
    """Return a decimal as the number that prints all its digits, or as text where no double can hold it.

    Raises:
        UnwritableValue: it is NaN or infinite.
    """
    if not value.is_finite():
        message = "NaN and infinite numbers have no JSON form"
        raise UnwritableValue(message)
    number = float(value)
    if abs(number) < _EXACT and Decimal(repr(number)) == value:
        return number
    return format(value, "f")


def quoted(text: str) -> str:
    """Return a text as a JSON string with its quotes."""
    try:
        return encode(text).decode()
    except TypeError:
        return _quote_surrogates(text)


def _quote_surrogates(text: str) -> str:
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return f'"{_ESCAPED.sub(_escape, paired)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    return _SHORT_ESCAPES.get(character) or f"\\u{ord(character):04x}"


def _write(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{quoted(key)}:{_write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    return encode(value).decode()


def _integer(digits: str) -> int | str:
    if len(digits) <= _MAX_INTEGER_DIGITS or -_EXACT <= float(digits) <= _EXACT:
        return int(digits)
    return digits


def _refuse_constant(name: str) -> None:
    message = f"{name} is not JSON"
    raise UnwritableValue(message)


_DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_refuse_constant)


def _decode_exactly(text: str) -> Any:
    """Parse what the fast parser refuses or rounds: lone surrogates, and integers of any length."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"The text is not valid JSON: {error}"
        raise MalformedJson(message, line=error.lineno, column=error.colno) from error
    except RecursionError as error:
        message = f"The JSON is nested too deeply: at most {_MAX_DEPTH} levels are allowed"
        raise UnwritableValue(message) from error
