"""The Jinja environment of all templates: sandboxed, on a budget, without a loader, a database or macros."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Undefined
from jinja2.filters import _GroupTuple
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace, missing
from typing_extensions import override

from demitasse.events import arithmetic
from demitasse.events.attributes import MISSING, call, explain_missing, read_attribute, read_item
from demitasse.events.budget import Budget
from demitasse.events.filters import FILTERS, TESTS, Separator
from demitasse.events.wording import words

# What may be read of the objects that Jinja itself makes.
_OWN: Mapping[type, frozenset[str]] = {
    LoopContext: words(
        "changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0"
    ),
    _GroupTuple: words("grouper list"),
}
_ADDED = ("_loop_vars", "_block_vars")


class BudgetedContext(Context):
    """The names of one rendering, and its budget."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.budget = Budget()


class Unknown(StrictUndefined):
    """What an unknown name or field gives: it can be tested and defaulted, anything else is an error that names it."""

    __slots__ = ()

    @property
    @override
    def _undefined_message(self) -> str:
        name = self._undefined_name
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return f"There is no '{name}' here; the fields are doc.field"
        return explain_missing(self._undefined_obj, name)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja with the attributes, filters and operators that ``attributes`` and ``arithmetic`` let through."""

    context_class = BudgetedContext
    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(undefined=Unknown, autoescape=False, cache_size=0, optimized=False)
        self.globals = {"range": range, "dict": dict, "namespace": Namespace, "joiner": Separator}
        self.filters = dict(FILTERS)
        self.tests = dict(TESTS)

    @override
    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read an attribute."""
        found = read_attribute(obj, attribute)
        if found is not MISSING:
            return found
        if attribute in _OWN.get(type(obj), ()) or (type(obj) is Namespace and attribute[:1] != "_"):
            found = getattr(obj, attribute, MISSING)
        return found if found is not MISSING else self._missing(obj, attribute)

    @override
    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read an item."""
        found = read_item(obj, argument)
        return found if found is not MISSING else self._missing(obj, argument)

    def _missing(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, Undefined):
            return obj
        return self.undefined(obj=obj, name=name)

    @override
    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function."""
        for added in _ADDED:  # by the compiler, inside loops and blocks
            kwargs.pop(added, None)
        return call(context.budget, function, args, kwargs)

    @override
    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Work out an intercepted operator."""
        return _BINARY[operator](context.budget, left, right)


_BINARY: Mapping[str, Callable[[Budget, Any, Any], Any]] = {
    "+": arithmetic.add,
    "*": arithmetic.multiply,
    "**": arithmetic.power,
    "%": arithmetic.modulo,
}
