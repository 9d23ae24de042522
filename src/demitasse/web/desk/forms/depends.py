"""When a field is shown (``depends_on``): the simple expressions of Frappe's, read here and evaluated here and in the browser.

``field`` or ``eval:`` with ``doc.field``, texts, numbers, lists, comparisons, ``&&``, ``||``, ``!``, ``in``, ``.includes``
and ``.startsWith``. What is none of these is not understood, and the field is always shown.
"""

import re
from collections.abc import Callable
from typing import Any

Condition = list[Any]
"""``["field", name]``, ``["value", x]``, ``["not", c]``, or an operator with two conditions."""
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^'\\]*'|\"[^\"\\]*\")|(?P<number>\d+(?:\.\d+)?)|doc\.(?P<field>[a-z_][a-z0-9_]*)"
    r"|(?P<mark>===|!==|==|!=|>=|<=|&&|\|\||[!()<>\[\],])|(?P<method>\.(?:includes|startsWith))"
    r"|(?P<word>in|true|false|null|undefined)\b)"
)
_COMPARISONS = {
    "==": "==",
    "===": "==",
    "!=": "!=",
    "!==": "!=",
    ">": ">",
    "<": "<",
    ">=": ">=",
    "<=": "<=",
    "in": "in",
}
_WORDS = {"true": 1, "false": 0, "null": "", "undefined": ""}
_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_MOST = 500


def parse(expression: str | None) -> Condition | None:
    """Return the condition of ``depends_on``; ``None`` when there is none, or it is not understood."""
    text = (expression or "").strip().rstrip(";")
    if not text or len(text) > _MOST:
        return None
    if not text.startswith("eval:"):
        return ["field", text] if _NAME.match(text) else None
    try:
        tokens = _Tokens(text.removeprefix("eval:"))
        found = _either(tokens)
    except ValueError:
        return None
    return found if tokens.is_done else None


def holds(condition: Condition, text_of: Callable[[str], str]) -> bool:
    """Return whether a condition holds for the texts of a form."""
    return _truth(_value(condition, text_of))


class _Tokens:
    def __init__(self, text: str) -> None:
        self._found: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None:
                message = f"not understood: {text[position:]}"
                raise ValueError(message)
            kind = str(match.lastgroup)
            self._found.append((kind, match[kind]))
            position = match.end()
        self._place = 0

    @property
    def is_done(self) -> bool:
        return self._place == len(self._found)

    def take(self, *wanted: str) -> str | None:
        """Return the next token when it is one of these, and go past it."""
        if not self.is_done and self._found[self._place][1] in wanted and self._found[self._place][0] != "text":
            self._place += 1
            return self._found[self._place - 1][1]
        return None

    def next(self) -> tuple[str, str]:
        if self.is_done:
            message = "it ends too early"
            raise ValueError(message)
        self._place += 1
        return self._found[self._place - 1]


def _either(tokens: _Tokens) -> Condition:
    found = _both(tokens)
    while tokens.take("||"):
        found = ["or", found, _both(tokens)]
    return found


def _both(tokens: _Tokens) -> Condition:
    found = _compared(tokens)
    while tokens.take("&&"):
        found = ["and", found, _compared(tokens)]
    return found


def _compared(tokens: _Tokens) -> Condition:
    found = _single(tokens)
    operator = tokens.take(*_COMPARISONS)
    return [_COMPARISONS[operator], found, _single(tokens)] if operator else found


def _single(tokens: _Tokens) -> Condition:
    if tokens.take("!"):
        return ["not", _single(tokens)]
    if tokens.take("("):
        found = _either(tokens)
        _expect(tokens, ")")
    elif tokens.take("["):
        found = ["value", _items(tokens)]
    else:
        found = _atom(tokens)
    method = tokens.take(".includes", ".startsWith")
    if method:
        _expect(tokens, "(")
        argument = _either(tokens)
        _expect(tokens, ")")
        found = ["in", argument, found] if method == ".includes" else ["starts", found, argument]
    return found


def _items(tokens: _Tokens) -> list[Any]:
    items: list[Any] = []
    while not tokens.take("]"):
        kind, value = _atom(tokens)
        if kind != "value":
            message = "a list has values only"
            raise ValueError(message)
        items.append(value)
        tokens.take(",")
    return items


def _atom(tokens: _Tokens) -> Condition:
    kind, text = tokens.next()
    match kind:
        case "text":
            return ["value", text[1:-1]]
        case "number":
            return ["value", float(text)]
        case "field":
            return ["field", text]
        case "word" if text in _WORDS:
            return ["value", _WORDS[text]]
        case _:
            message = f"{text} stands where a value should"
            raise ValueError(message)


def _expect(tokens: _Tokens, mark: str) -> None:
    if not tokens.take(mark):
        message = f"{mark} is missing"
        raise ValueError(message)


def _value(condition: Condition, text_of: Callable[[str], str]) -> Any:  # noqa: PLR0911 - one line for each operator
    match condition:
        case ["field", name]:
            return text_of(name)
        case ["value", value]:
            return value
        case ["not", inner]:
            return not _truth(_value(inner, text_of))
        case [operator, one, other]:
            first = _value(one, text_of)
            if operator == "and":
                return _truth(first) and _truth(_value(other, text_of))
            if operator == "or":
                return _truth(first) or _truth(_value(other, text_of))
            return _compare(operator, first, _value(other, text_of))
        case _:
            return True


def _compare(operator: str, first: Any, second: Any) -> bool:
    if operator == "in":
        return any(_equal(first, each) for each in second) if isinstance(second, list) else str(first) in str(second)
    if operator == "starts":
        return str(first).startswith(str(second))
    if operator == "==":
        return _equal(first, second)
    if operator == "!=":
        return not _equal(first, second)
    one, other = _number(first), _number(second)
    if one is None or other is None:
        return False
    return {">": one > other, "<": one < other, ">=": one >= other, "<=": one <= other}[operator]


def _equal(first: Any, second: Any) -> bool:
    one, other = _number(first), _number(second)
    return one == other if one is not None and other is not None else str(first) == str(second)


def _truth(value: Any) -> bool:
    return bool(value) and value != "0"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
