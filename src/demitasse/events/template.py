"""Templates that give text: dynamic URLs, header values, conditions in ``{{ }}``; and what all templates share."""

import re
from collections.abc import Iterable, Mapping

from jinja2 import Template, nodes
from jinja2.exceptions import TemplateError as JinjaError

from demitasse.events.errors import BudgetExceeded, TemplateError
from demitasse.events.filters import PRINT_TEXT
from demitasse.events.template_tree import ENVIRONMENT, at_line, parse, wrap_prints
from demitasse.kernel.errors import DemitasseError
from demitasse.vault.references import is_reference

MAX_OUTPUT = 1_048_576
_FILE = "<template>"
_SHOWN_LENGTH = 60
_MARKS = ("{{", "{%", "{#")
_BREAK = re.compile("[\r\n\x00]")


class Program:
    """A compiled tree; it may be run from several threads at once."""

    __slots__ = ("_template",)

    def __init__(self, tree: nodes.Template) -> None:
        tree.set_environment(ENVIRONMENT)
        try:
            code = ENVIRONMENT.compile(tree, filename=_FILE)
        except (SyntaxError, RecursionError) as error:  # Python's own limits on nesting
            message = "The template is nested too deeply"
            raise TemplateError(message, line=None) from error
        self._template = Template.from_code(ENVIRONMENT, code, ENVIRONMENT.globals)

    def run(self, scope: Mapping[str, object], *, max_length: int) -> str:
        """Return what the template prints.

        Raises:
            TemplateError: it fails, or prints more than ``max_length`` characters.
        """
        template = self._template
        try:
            return _join(template.root_render_func(template.new_context(dict(scope))), max_length)
        except Exception as error:  # what a template does wrong must never stop a save
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> TemplateError:
        line = None
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code.co_filename == _FILE:
                line = self._template.get_corresponding_lineno(traceback.tb_lineno)
            traceback = traceback.tb_next
        if isinstance(error, RecursionError):
            reason = "it is nested too deeply"
        elif isinstance(error, DemitasseError | JinjaError):
            reason = error.message or "it fails"
        else:
            reason = str(error) or type(error).__name__
        return at_line(reason, line=line)


def _join(pieces: Iterable[str], max_length: int) -> str:
    kept = []
    left = max_length
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            message = f"it prints more than {max_length} characters: make it, or the lists it loops over, shorter"
            raise BudgetExceeded(message)
        kept.append(piece)
    return "".join(kept)


class TextTemplate:
    """A compiled template of plain text. Nothing (``None``) prints as an empty text.

    Args:
        single_line: What it prints goes where a line break would do harm, and where names of secrets are looked up
            (a header, a URL).
    """

    __slots__ = ("_fixed", "_program", "_single_line", "source")

    def __init__(self, source: str, *, program: Program | None, single_line: bool) -> None:
        self.source = source
        self._program = program
        self._single_line = single_line

    def render(self, scope: Mapping[str, object]) -> str:
        """Return what the template prints for a scope (see ``scope.event_scope``).

        Raises:
            TemplateError: it fails, prints too much, or prints a line break, or the name of a secret (``env:``,
                ``conf:``), where there can be none.
        """
        if self._program is None:
            return self.source
        text = self._program.run(scope, max_length=MAX_OUTPUT)
        if self._single_line:
            _check_single_line(text)
            if is_reference(text.lstrip()):
                message = (
                    f"The result is {text[:_SHOWN_LENGTH]!r}, which would be looked up as a secret: "
                    "the name of one is written out in the webhook, never made from a document"
                )
                raise TemplateError(message, line=None)
        return text


def _check_single_line(text: str) -> None:
    if _BREAK.search(text):
        message = "There is a line break or a null character in the result, where there can be none: remove it from the values"
        raise TemplateError(message, line=None)


def compile_text(source: str, *, single_line: bool = False) -> TextTemplate:
    """Compile a template of plain text.

    Raises:
        TemplateError: it is not a template; ``data`` has ``line``.
    """
    if not any(mark in source for mark in _MARKS):
        if single_line:
            _check_single_line(source)
        return TextTemplate(source, program=None, single_line=single_line)
    tree = parse(source)
    wrap_prints(tree.body, PRINT_TEXT)
    return TextTemplate(source, program=Program(tree), single_line=single_line)
