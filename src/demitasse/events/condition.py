"""When a webhook fires: an expression on the document, compiled once."""

import ast
from collections.abc import Mapping
from typing import Protocol

from simpleeval import NameNotDefined

from demitasse.events.errors import ConditionError, TemplateError
from demitasse.events.expression import Evaluator, check_tree
from demitasse.events.functions import BUILT_IN
from demitasse.events.template import TextTemplate, compile_text
from demitasse.events.wording import suggest
from demitasse.kernel.errors import DemitasseError

MAX_SOURCE = 10_000
_FALSE = frozenset(("", "0", "0.0", "false", "none", "null"))


class Condition(Protocol):
    """A compiled condition; it may be evaluated from several threads at once."""

    @property
    def source(self) -> str:
        """The condition as it was written."""

    def holds(self, scope: Mapping[str, object]) -> bool:
        """Tell whether the condition is true for a scope (see ``scope.event_scope``).

        Raises:
            ConditionError: it cannot be worked out; the message says why.
        """


class _Always:
    source = ""

    def holds(self, scope: Mapping[str, object]) -> bool:  # noqa: ARG002 - the protocol's
        return True


class _Expression:
    __slots__ = ("_idle", "_tree", "source")

    def __init__(self, source: str, tree: ast.expr) -> None:
        self.source = source
        self._tree = tree
        self._idle: list[Evaluator] = []  # an evaluator serves one thread at a time, and is dear to make

    def holds(self, scope: Mapping[str, object]) -> bool:
        try:
            evaluator = self._idle.pop()
        except IndexError:
            evaluator = Evaluator()
        try:
            return bool(evaluator.run(self._tree, scope))
        except Exception as error:  # what a condition does wrong must never stop a save
            message = f"The condition fails: {_reason(error, scope)}"
            raise ConditionError(message, condition=self.source) from error
        finally:
            self._idle.append(evaluator)


class _Rendered:
    __slots__ = ("_template", "source")

    def __init__(self, source: str, template: TextTemplate) -> None:
        self.source = source
        self._template = template

    def holds(self, scope: Mapping[str, object]) -> bool:
        try:
            return self._template.render(scope).strip().lower() not in _FALSE
        except TemplateError as error:
            message = f"The condition fails: {error.message}"
            raise ConditionError(message, condition=self.source) from error


def compile_condition(source: str) -> Condition:
    """Compile a condition: Python's syntax, or Jinja where it begins with ``{{`` or ``{%``; an empty one always holds.

    What Jinja renders is false when it is empty, ``0``, ``false`` or ``none`` in any case of letters.

    Raises:
        ConditionError: it is not an expression, or asks for what conditions cannot do.
    """
    text = source.strip()
    if not text:
        return _Always()
    try:
        if text.startswith(("{{", "{%")):
            return _Rendered(source, compile_text(text))
        tree = _parse(text)
        check_tree(tree)
    except DemitasseError as error:
        raise ConditionError(error.message, condition=source) from error
    return _Expression(source, tree)


def _parse(text: str) -> ast.expr:
    if len(text) > MAX_SOURCE:
        message = f"The condition is too long: {len(text)} characters, at most {MAX_SOURCE} are allowed"
        raise ConditionError(message, condition=text)
    try:
        return _parse_expression(text)
    except SyntaxError as error:
        message = f"The condition is not an expression: {error.msg} (line {error.lineno}, column {error.offset})"
        raise ConditionError(message, condition=text) from error
    except (ValueError, RecursionError, MemoryError) as error:  # a null character, too many brackets
        message = f"The condition is not an expression: {error}"
        raise ConditionError(message, condition=text) from error


def _parse_expression(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        if "\n" not in text:
            raise
        try:
            return ast.parse(f"({text}\n)", mode="eval").body
        except SyntaxError:
            pass
        raise


def _reason(error: Exception, scope: Mapping[str, object]) -> str:
    if isinstance(error, DemitasseError):
        return error.message
    if isinstance(error, NameNotDefined):
        hint = suggest(error.name, [*scope, *BUILT_IN]) or "; the fields are doc.field"
        return f"there is no '{error.name}' here{hint}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error) or type(error).__name__
