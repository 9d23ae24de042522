"""The evaluator of conditions: simpleeval, on a budget and with the attributes that ``attributes`` lets through."""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from simpleeval import EvalWithCompoundTypes, NameNotDefined

from demitasse.events import arithmetic
from demitasse.events.attributes import MISSING, call, explain_missing, read_attribute, read_item
from demitasse.events.budget import STEPS, Budget, check_length
from demitasse.events.errors import NotAllowed
from demitasse.events.functions import BUILT_IN, bounded_format

_ARITHMETIC: Mapping[type[ast.operator], Callable[[Budget, Any, Any], Any]] = {
    ast.Add: arithmetic.add,
    ast.Mult: arithmetic.multiply,
    ast.Pow: arithmetic.power,
    ast.Mod: arithmetic.modulo,
}
_COMPARISONS: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Gt: "gt",
    ast.GtE: "gteq",
    ast.Lt: "lt",
    ast.LtE: "lteq",
    ast.In: "in",
    ast.NotIn: "notin",
}
_UNBOUNDED: Mapping[type[ast.AST], Callable[..., Any]] = {
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Not: operator.not_,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_STRUCTURE = (ast.Expression, ast.expr_context, ast.boolop, ast.comprehension, ast.keyword)


class Evaluator(EvalWithCompoundTypes):  # type: ignore[misc]
    """Evaluates one tree at a time; after that it can be used again, for any tree.

    Args of ``run``: a tree that ``check_tree`` has passed, and the names it may use.
    """

    def __init__(self) -> None:
        self._budget = Budget()
        self._steps: dict[type[ast.AST], Callable[[Any], Any]] = {}
        super().__init__(operators=self._bounded_operators(), functions=dict(BUILT_IN), names={})
        self.functions = dict(BUILT_IN)
        self._choose_nodes()

    def run(self, tree: ast.expr, names: Mapping[str, object]) -> Any:
        """Return the value of a tree."""
        self._budget.left = STEPS
        self._max_count = 0
        self.names = names
        try:
            return self._eval(tree)
        finally:
            self.names = {}

    def _bounded_operators(self) -> dict[type[ast.AST], Callable[..., Any]]:
        budget = self._budget
        return {
            **_UNBOUNDED,
            **{node: partial(apply, budget) for node, apply in _ARITHMETIC.items()},
            **{node: partial(arithmetic.compare, budget, name) for node, name in _COMPARISONS.items()},
        }

    def _choose_nodes(self) -> None:
        for unwanted in set(self.nodes) - _NODES:
            del self.nodes[unwanted]

    def _eval(self, node: ast.AST) -> Any:
        self._budget.spend()
        return self.nodes[type(node)](node)

    def _eval_name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        try:
            return self.functions[node.id]
        except KeyError:
            raise NameNotDefined(node.id, "") from None

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        value = self._eval(node.value)
        found = read_attribute(value, node.attr)
        if found is MISSING:
            raise NotAllowed(explain_missing(value, node.attr))
        return found

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        value = self._eval(node.value)
        if isinstance(node.slice, ast.Slice):
            self._budget.spend_on(value)
            return value[self._eval(node.slice)]
        key = self._eval(node.slice)
        found = read_item(value, key)
        if found is MISSING:
            raise NotAllowed(explain_missing(value, key))
        return found

    def _eval_call(self, node: ast.Call) -> Any:
        function = self._eval(node.func)
        if not callable(function):
            message = f"'{ast.unparse(node.func)}' is a value, not a function: leave the brackets out"
            raise NotAllowed(message)
        args = tuple([self._eval(arg) for arg in node.args])
        named = {keyword.arg: self._eval(keyword.value) for keyword in node.keywords if keyword.arg is not None}
        return call(self._budget, function, args, named)

    def _eval_dict(self, node: ast.Dict) -> dict[Any, Any]:
        keys = [self._eval(key) for key in node.keys if key is not None]
        self._budget.spend_on(keys)
        return dict(zip(keys, [self._eval(value) for value in node.values], strict=True))

    def _eval_set(self, node: ast.Set) -> set[Any]:
        items = [self._eval(item) for item in node.elts]
        self._budget.spend_on(items)
        return set(items)

    def _eval_joinedstr(self, node: ast.JoinedStr) -> str:
        texts = [str(self._eval(part)) for part in node.values]
        length = sum(map(len, texts))
        check_length(length)
        self._budget.spend(length >> 8)
        return "".join(texts)

    def _eval_formattedvalue(self, node: ast.FormattedValue) -> str:
        value = self._eval(node.value)
        self._budget.spend_on(value)
        return bounded_format(value, self._eval(node.format_spec) if node.format_spec else "")


_NODES = frozenset(
    {
        ast.Attribute,
        ast.BinOp,
        ast.BoolOp,
        ast.Call,
        ast.Compare,
        ast.Constant,
        ast.Dict,
        ast.FormattedValue,
        ast.GeneratorExp,
        ast.IfExp,
        ast.JoinedStr,
        ast.List,
        ast.ListComp,
        ast.Name,
        ast.Set,
        ast.Slice,
        ast.Subscript,
        ast.Tuple,
        ast.UnaryOp,
    }
)
_WORDS: Mapping[type[ast.AST], str] = {
    ast.DictComp: "A dictionary comprehension",
    ast.Lambda: "A lambda",
    ast.NamedExpr: "An assignment with :=",
    ast.SetComp: "A set comprehension",
    ast.Starred: "A * before a value",
}


def check_tree(tree: ast.expr) -> None:
    """Refuse what the evaluator does not know, before anything runs.

    Raises:
        NotAllowed: the message names it.
    """
    operators = {*_ARITHMETIC, *_COMPARISONS, *_UNBOUNDED}
    for node in ast.walk(tree):
        kind = type(node)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            message = f"'{node.attr}' is private: names that begin with _ cannot be used"
            raise NotAllowed(message)
        if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | None):
            message = f"{node.value!r} cannot be used"
            raise NotAllowed(message)
        if (isinstance(node, ast.FormattedValue) and node.conversion > 0) or (
            isinstance(node, ast.Dict | ast.Call) and _unpacks(node)
        ):
            message = f"'{ast.unparse(node)[:60]}' uses something that conditions do not have: ! or ** in it"
            raise NotAllowed(message)
        if kind not in _NODES and kind not in operators and not isinstance(node, _STRUCTURE):
            message = f"{_WORDS.get(kind, f'A {kind.__name__}')} cannot be used in a condition"
            raise NotAllowed(message)


def _unpacks(node: ast.Dict | ast.Call) -> bool:
    return None in node.keys if isinstance(node, ast.Dict) else any(keyword.arg is None for keyword in node.keywords)
