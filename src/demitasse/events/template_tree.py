"""From a template's source to a checked tree: what would escape the budget is refused or put under it."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

from jinja2 import TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer
from typing_extensions import override

from demitasse.events.errors import TemplateError
from demitasse.events.filters import COMPARE, CONCAT, EACH, PAID
from demitasse.events.sandbox import TemplateEnvironment
from demitasse.events.wording import suggest

MAX_SOURCE = 200_000
ENVIRONMENT = TemplateEnvironment()

_STATEMENTS = frozenset((nodes.Output, nodes.If, nodes.For, nodes.With, nodes.Assign, nodes.AssignBlock))
_TAGS: Mapping[type[nodes.Node], str] = {
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "from",
    nodes.Scope: "autoescape",
}


def parse(source: str) -> nodes.Template:
    """Return the tree of a template, guarded; what it prints is still as it stands.

    Raises:
        TemplateError: it is not a template, or uses what templates here do not have.
    """
    if len(source) > MAX_SOURCE:
        message = f"The template is too long: {len(source)} characters, at most {MAX_SOURCE} are allowed"
        raise TemplateError(message, line=None)
    try:
        tree = ENVIRONMENT.parse(source)
        _check(tree)
        guarded: nodes.Template = _Guard().visit(tree)
    except TemplateSyntaxError as error:
        raise at_line(error.message or "this is not a template", line=error.lineno) from error
    except RecursionError as error:
        message = "The template is nested too deeply"
        raise TemplateError(message, line=None) from error
    return guarded


def at_line(reason: str, *, line: int | None) -> TemplateError:
    """Return the error for a line of a template."""
    return TemplateError(f"Line {line} of the template: {reason}" if line else reason, line=line)


def refuse(reason: str, *, line: int | None) -> NoReturn:
    """Refuse a template for what stands in a line."""
    raise at_line(reason, line=line)


def filtered(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    """Return an expression put through one of the compiler's own filters."""
    return nodes.Filter(node, name, list(args), [], None, None, lineno=node.lineno)


def wrap_prints(statements: Iterable[nodes.Node], name: str) -> None:
    """Put every printed value of some statements, at any depth, through a filter."""
    for statement in statements:
        outputs = [statement] if isinstance(statement, nodes.Output) else statement.find_all(nodes.Output)
        for output in outputs:
            output.nodes = [
                node if isinstance(node, nodes.TemplateData) else filtered(node, name) for node in output.nodes
            ]


def _check(tree: nodes.Template) -> None:
    for node in tree.find_all(nodes.Stmt):
        if type(node) not in _STATEMENTS:
            tag = _TAGS.get(type(node), type(node).__name__.lower())
            refuse(f"{{% {tag} %}} cannot be used in a template of a webhook", line=node.lineno)
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            refuse("a loop cannot be recursive", line=loop.lineno)
    for block in tree.find_all(nodes.AssignBlock):
        if next(block.find_all(nodes.For), None) is not None:
            refuse("there cannot be a loop inside {% set %} ... {% endset %}", line=block.lineno)
    for constant in tree.find_all(nodes.Const):
        if constant.value in {math.inf, -math.inf}:
            refuse("a number is too large", line=constant.lineno)
    for called in tree.find_all((nodes.Call, nodes.Filter, nodes.Test)):
        _check_call(called)


def _check_call(node: Any) -> None:
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        refuse("* and ** cannot be used in a call", line=node.lineno)
    for kind, known in ((nodes.Filter, ENVIRONMENT.filters), (nodes.Test, ENVIRONMENT.tests)):
        if isinstance(node, kind) and node.name not in known:
            hint = suggest(node.name, [name for name in known if " " not in name])
            refuse(f"there is no {kind.__name__.lower()} '{node.name}'{hint}", line=node.lineno)


def _guard_loop(node: nodes.For) -> nodes.Node:
    node.iter = filtered(node.iter, EACH)
    return node


def _guard_comparison(node: nodes.Compare) -> nodes.Node:
    chain: list[nodes.Expr] = []
    for operand in node.ops:
        chain += [nodes.Const(operand.op, lineno=node.lineno), operand.expr]
    return filtered(node.expr, COMPARE, *chain)


def _guard_joined(node: nodes.Concat) -> nodes.Node:
    first, *others = node.nodes
    return filtered(first, CONCAT, *others)


def _guard_choice(node: nodes.CondExpr) -> nodes.Node:
    """Let ``a if b`` without an ``else`` give nothing (Jinja would give an undefined value of another kind than ours)."""
    if node.expr2 is None:
        node.expr2 = nodes.Const(None, lineno=node.lineno)
    return node


def _guard_slice(node: nodes.Getitem) -> nodes.Node:
    if isinstance(node.arg, nodes.Slice):
        node.node = filtered(node.node, PAID)
    return node


def _guard_key(node: nodes.Pair) -> nodes.Node:
    if not isinstance(node.key, nodes.Const):
        node.key = filtered(node.key, PAID)
    return node


_GUARDS: Mapping[type[nodes.Node], Callable[[Any], nodes.Node]] = {
    nodes.For: _guard_loop,
    nodes.Compare: _guard_comparison,
    nodes.Concat: _guard_joined,
    nodes.CondExpr: _guard_choice,
    nodes.Getitem: _guard_slice,
    nodes.Pair: _guard_key,
}


class _Guard(NodeTransformer):
    """Puts loops, comparisons, joined texts, slices and keys under the budget."""

    @override
    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        visited = super().generic_visit(node, *args, **kwargs)
        guard = _GUARDS.get(type(visited))
        return visited if guard is None else guard(visited)
