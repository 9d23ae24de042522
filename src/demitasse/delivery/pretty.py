"""Bodies for people to read: the same characters, on lines of their own."""

from urllib.parse import parse_qsl

_INDENT = "  "
_DEEPEST = 20
_OPEN, _CLOSE = "{[", "}]"
_LONGEST = 65_536
"""Characters; what is longer is shown as it came."""


def pretty(text: str, *, content_type: str = "") -> str:
    """Return a body with line breaks and indents.

    Numbers, escapes and the order of keys stay as they are, so what is shown is what was sent. It need not be whole:
    JSON that was cut is indented as far as it goes.
    """
    if len(text) > _LONGEST:
        return text
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return "\n".join(f"{key} = {value}" for key, value in parse_qsl(text, keep_blank_values=True)) or text
    return _indent(text) if text.lstrip()[:1] in {"{", "["} else text


def _indent(text: str) -> str:
    """Return JSON with a line for each member."""
    parts: list[str] = []
    depth = at = 0
    while at < len(text):
        character = text[at]
        if character == '"':
            end = _end_of_string(text, at)
            parts.append(text[at:end])
            at = end
            continue
        if character in _OPEN:
            after = _skip_space(text, at + 1)
            if text[after : after + 1] and text[after] in _CLOSE:
                parts.append(character + text[after])
                at = after + 1
                continue
            depth += 1
            parts.append(character + _break(depth))
        elif character in _CLOSE:
            depth = max(0, depth - 1)
            parts.append(_break(depth) + character)
        elif character == ",":
            parts.append("," + _break(depth))
        elif character == ":":
            parts.append(": ")
        elif not character.isspace():
            parts.append(character)
        at += 1
    return "".join(parts)


def _break(depth: int) -> str:
    return "\n" + _INDENT * min(depth, _DEEPEST)


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _end_of_string(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            return at + 1
        else:
            at += 1
    return len(text)
