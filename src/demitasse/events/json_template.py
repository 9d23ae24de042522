"""Templates that give JSON, and that no value in a document can break.

Every printed value is written by where it stands, which the compiler works out from the literal text around it: inside
a JSON string its text is escaped, elsewhere it becomes a whole JSON value.
"""

import re
from collections.abc import Mapping, Sequence

from jinja2 import nodes

from demitasse.events.errors import TemplateError
from demitasse.events.filters import PRINT_IN_STRING, PRINT_JSON, PRINT_TEXT
from demitasse.events.javascript_json import canonical_text
from demitasse.events.template import Program
from demitasse.events.template_tree import filtered, parse, refuse, wrap_prints
from demitasse.kernel.json import MalformedJson

_OUTSIDE = re.compile(r'[^"]*')
_INSIDE = re.compile(r'(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_PUNCTUATION = re.compile(r"[\s,:{}\[\]]*")
_SHOWN = 30


class JsonTemplate:
    """A compiled template of JSON."""

    __slots__ = ("_max_length", "_program", "source")

    def __init__(self, source: str, program: Program, *, max_length: int) -> None:
        self.source = source
        self._program = program
        self._max_length = max_length

    def render(self, scope: Mapping[str, object]) -> bytes:
        """Return canonical JSON (see ``javascript_json``) for a scope.

        Raises:
            TemplateError: it fails, prints too much, or what it prints is not JSON.
            UnwritableValue: a number is too large for JavaScript, or the JSON is nested too deeply.
        """
        text = self._program.run(scope, max_length=self._max_length)
        try:
            return canonical_text(text)
        except MalformedJson as error:
            raise _not_json(error, text) from error


def _not_json(error: MalformedJson, text: str) -> TemplateError:
    line, column = error.data["line"], error.data["column"]
    lines = text.split("\n")
    found = lines[line - 1] if line <= len(lines) else ""
    start = max(column - 1 - _SHOWN, 0)
    shown = found[start : column - 1 + _SHOWN]
    message = (
        f"What the template prints is not JSON; see line {line}, column {column} of the result, near: {shown!r}. "
        "Look for a comma or a quote that is missing or too much."
    )
    return TemplateError(message, line=None, result_line=line, result_column=column)


def compile_json(source: str, *, max_length: int) -> JsonTemplate:
    """Compile a template of JSON.

    Args:
        source: The template.
        max_length: The most characters that it may print.

    Raises:
        TemplateError: it is not a template, or no JSON can come of it; ``data`` has ``line``.
    """
    tree = parse(source)
    if _Positions().walk(tree.body, in_string=False):
        message = "The template ends inside a JSON string: a closing quote is missing"
        raise TemplateError(message, line=None)
    return JsonTemplate(source, Program(tree), max_length=max_length)


class _Positions:
    """Follows the literal text through a tree, and marks each printed value with where it stands."""

    def walk(self, statements: Sequence[nodes.Node], *, in_string: bool) -> bool:
        """Return whether the text stands inside a JSON string after the statements."""
        for statement in statements:
            in_string = self._step(statement, in_string=in_string)
        return in_string

    def _step(self, node: nodes.Node, *, in_string: bool) -> bool:
        if isinstance(node, nodes.Output):
            return self._output(node, in_string=in_string)
        if isinstance(node, nodes.If):
            return self._branches(node, in_string=in_string)
        if isinstance(node, nodes.For):
            for body in (node.body, node.else_):
                if self.walk(body, in_string=in_string) != in_string:
                    reason = "every pass of a {% for %} must end where it began, in or out of a JSON string"
                    refuse(reason, line=node.lineno)
            return in_string
        if isinstance(node, nodes.With):
            return self.walk(node.body, in_string=in_string)
        if isinstance(node, nodes.AssignBlock):
            wrap_prints(node.body, PRINT_TEXT)
        return in_string

    def _branches(self, node: nodes.If, *, in_string: bool) -> bool:
        bodies = [node.body, *(branch.body for branch in node.elif_), node.else_]
        ends = {self.walk(body, in_string=in_string) for body in bodies}
        if len(ends) > 1:
            refuse("the branches of an {% if %} must all end inside a JSON string, or all outside", line=node.lineno)
        return ends.pop()

    def _output(self, node: nodes.Output, *, in_string: bool) -> bool:
        parts: list[nodes.Expr] = []
        for part in node.nodes:
            if isinstance(part, nodes.TemplateData):
                in_string = _follow(part, in_string=in_string)
                parts.append(part)
                continue
            outside = PRINT_TEXT if _is_punctuation(part) else PRINT_JSON
            parts.append(filtered(part, PRINT_IN_STRING if in_string else outside))
        node.nodes = parts
        return in_string


def _is_punctuation(part: nodes.Expr) -> bool:
    """Tell whether an expression can only give the template's own punctuation, as ``{{ "," if not loop.last }}`` does."""
    texts = []
    waiting: list[nodes.Node | None] = [part]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.CondExpr):
            waiting += [node.expr1, node.expr2]
        elif isinstance(node, nodes.Const) and isinstance(node.value, str | None):
            texts.append(node.value or "")
        else:
            return False
    return any(texts) and all(map(_PUNCTUATION.fullmatch, texts))


def _follow(part: nodes.TemplateData, *, in_string: bool) -> bool:
    text = part.data
    at = 0
    while True:
        found = (_INSIDE if in_string else _OUTSIDE).match(text, at)
        at = found.end() if found else len(text)
        if at == len(text):
            return in_string
        if text[at] != '"':
            refuse(_explain_character(text, at), line=part.lineno + text.count("\n", 0, at))
        in_string = not in_string
        at += 1


def _explain_character(text: str, at: int) -> str:
    if text[at] == "\\":
        return rf"'{text[at : at + 2]}' is not an escape of JSON; write \\ for a backslash"
    return r"a line break or a tab stands inside a JSON string; write \n or \t, or close the quotes before it"
