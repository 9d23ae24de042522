"""From ``fields``, ``order_by`` and ``group_by`` to a selection."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from demitasse.doctypes.field_types import Storage
from demitasse.documents.query import Aggregate, Column, Function, Order, Output, Selection, Source, SourceKind
from demitasse.documents.query_errors import InvalidQuery, UnknownField
from demitasse.documents.query_names import Scope, is_current, split_name, unknown_field
from demitasse.kernel import json

_ALIASED = re.compile(
    r"""(?P<value>.*\S)\s+as\s+(?P<q>["'`]?)(?P<name>[A-Za-z_][\w -]{0,99})(?P=q)\s*\Z""", re.IGNORECASE | re.ASCII
)
_AGGREGATE = re.compile(
    r"(?P<function>[a-z]+)\s*\(\s*(?P<distinct>distinct\s+)?(?P<value>[^()]+?)\s*\)\Z", re.IGNORECASE
)
_KEEP_DEFAULT = "KEEP_DEFAULT_ORDERING"
_MAX_TEXT_LENGTH = 300
_MAX_TERMS = 500
_MAX_KEPT_LENGTH = 8192
_NUMBERS = frozenset({Storage.INTEGER, Storage.SMALL_INTEGER, Storage.FLOAT})
_DEFAULT_FIELDS = ("name",)


def parse_selection(scope: Scope, *, fields: Any, order_by: Any, group_by: Any, is_distinct: bool) -> Selection:
    """Return the selection that a request describes; equal requests get the same object.

    Raises:
        UnknownField: a name is no field that may be read.
        InvalidQuery: another part cannot be used.
        MalformedJson: ``fields`` looks like JSON and is not.
    """
    order_text, group_text = _optional_text(order_by, "order_by"), _optional_text(group_by, "group_by")
    texts = fields if isinstance(fields, str) else _texts(fields)
    key = (texts, order_text, group_text, is_distinct, scope.hidden_names())
    selections = scope.vocabulary.selections
    found = selections.get(key)
    if found is not None and all(is_current(column.source, scope.registry) for column in found.joined):
        for column in found.joined:
            scope.permitted(column, f"{column.source.doctype.name}.{column.field.name}")
        return found
    names = _read(texts) if isinstance(texts, str) else texts
    found = _Parser(scope).selection(names, order_text, group_text, is_distinct=is_distinct)
    if len(order_text) + len(group_text) + sum(map(len, texts)) < _MAX_KEPT_LENGTH:
        selections.put(key, found)
    return found


def _optional_text(value: Any, part: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    message = f"{part} must be text such as 'modified desc'"
    raise InvalidQuery(message, part=part)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _read(text: str) -> tuple[str, ...]:
    """Return the fields of JSON text or of a list with commas."""
    stripped = text.strip()
    if stripped[:1] not in {"[", "{", '"'}:
        return _split(stripped)
    decoded = json.decode(stripped)
    return _split(decoded) if isinstance(decoded, str) else _texts(decoded)


def _texts(fields: Any) -> tuple[str, ...]:
    if fields is None:
        return ()
    if isinstance(fields, Mapping):
        return (_function_text(fields),)
    if not isinstance(fields, Iterable):
        message = 'fields must be a list of names: ["name", "modified"]'
        raise InvalidQuery(message, part="fields")
    texts: list[str] = []
    for field in fields:
        text = field if isinstance(field, str) else _function_text(field)
        texts.extend(_split(text) if "," in text else (text,))
    return tuple(texts)


def _function_text(field: Any) -> str:
    """Return ``{"SUM": "grand_total", "as": "total"}`` as ``SUM(grand_total) as total``."""
    if isinstance(field, Mapping):
        function, name = [key for key in field if key != "as"], field.get("as")
        if len(function) == 1 and isinstance(field[function[0]], str) and isinstance(name, str | None):
            text = f"{function[0]}({field[function[0]]})"
            return f"{text} as {name}" if name else text
    message = f'{str(field)[:100]} is no field: write a name, or {{"SUM": "field", "as": "name"}}'
    raise InvalidQuery(message, part="fields")


@dataclass(frozen=True, slots=True)
class _Parser:
    scope: Scope

    def selection(self, texts: tuple[str, ...], order_by: str, group_by: str, *, is_distinct: bool) -> Selection:
        """Return a new selection."""
        if len(texts) > _MAX_TERMS:
            message = f"A query may name at most {_MAX_TERMS} fields"
            raise InvalidQuery(message, part="fields", limit=_MAX_TERMS)
        outputs = self._outputs(texts or _DEFAULT_FIELDS)
        by_name = {output.name: output.value for output in outputs}
        groups = tuple(self._group(term, by_name) for term in _terms(group_by, "group_by"))
        has_aggregate = any(isinstance(output.value, Aggregate) for output in outputs)
        if is_distinct and any(all(group is not output.value for output in outputs) for group in groups):
            message = "distinct with group_by needs the grouped fields among fields"
            raise InvalidQuery(message, part="distinct")
        is_distinct = is_distinct and not groups and not has_aggregate
        if is_distinct:
            groups = tuple(output.value for output in outputs if isinstance(output.value, Column))
        is_grouped = bool(groups) or has_aggregate
        if is_grouped:
            for value in (*groups, *by_name.values()):
                if isinstance(value, Column):
                    _refuse_secret(value)
        order = self._order(order_by, by_name, groups, is_grouped=is_grouped, is_ordered=is_distinct)
        values = (*by_name.values(), *groups, *(term.value for term in order))
        columns = dict.fromkeys(_column(value) for value in values)
        return Selection(
            main=self.scope.vocabulary.main,
            outputs=outputs,
            names=tuple(by_name),
            order=order,
            group_by=groups,
            joined=tuple(c for c in columns if c is not None and c.source is not self.scope.vocabulary.main),
            is_grouped=is_grouped,
        )

    def _outputs(self, texts: tuple[str, ...]) -> tuple[Output, ...]:
        found: dict[str, Column | Aggregate] = {}
        for text in texts:
            _check_length(text, "fields")
            if text.strip().endswith(("*", "*`")):
                found.update(self._star(text.strip()))
                continue
            aliased = _ALIASED.match(text)
            name, written = (aliased["name"].strip(), aliased["value"]) if aliased else (None, text)
            value = self._value(written)
            if name is None:
                written = written.strip()
                name = written if isinstance(value, Aggregate) else written.rpartition(".")[2].strip("`")
                if name in found and found[name] is not value:
                    name = written.replace("`", "")
            found[name] = value
        return tuple(Output(name=name, value=value) for name, value in found.items())

    def _star(self, text: str) -> dict[str, Column | Aggregate]:
        """Return all columns of the main table that may be read."""
        vocabulary = self.scope.vocabulary
        place, name = split_name(text, vocabulary.doctype)
        if name != "*" or place not in {None, vocabulary.doctype.table}:
            raise unknown_field(text, vocabulary.doctype)
        hidden = self.scope.hidden_names()
        names = (field.name for field in vocabulary.doctype.columns if field.name not in hidden)
        return {name: vocabulary.column(name, self.scope.registry) for name in names}

    def _value(self, text: str) -> Column | Aggregate:
        found = _AGGREGATE.match(text.strip())
        if found is None:
            return self.scope.column(text)
        try:
            function = Function(found["function"].lower())
        except ValueError:
            message = f"{found['function']} cannot be used in a query; there are {', '.join(Function)}"
            raise InvalidQuery(message, function=found["function"]) from None
        is_distinct = bool(found["distinct"])
        if found["value"] == "*" and function is Function.COUNT and not is_distinct:
            return Aggregate(function=function, column=None)
        column = self.scope.column(found["value"])
        _refuse_secret(column)
        if function in {Function.SUM, Function.AVG} and column.field.type.storage not in _NUMBERS:
            message = f"{function} needs a number, and {column.field.name} is {column.field.fieldtype}"
            raise InvalidQuery(message, field=column.field.name)
        return Aggregate(function=function, column=column, is_distinct=is_distinct)

    def _group(self, term: str, by_name: dict[str, Column | Aggregate]) -> Column:
        value = by_name.get(term) or self.scope.column(term)
        if isinstance(value, Aggregate):
            message = f"Cannot group by {term}: it is counted over the group"
            raise InvalidQuery(message, part="group_by")
        return value

    def _order(
        self,
        text: str,
        by_name: dict[str, Column | Aggregate],
        groups: tuple[Column, ...],
        *,
        is_grouped: bool,
        is_ordered: bool,
    ) -> tuple[Order, ...]:
        """Return the asked order, or the latest first; then what makes it complete."""
        terms = [] if text == _KEEP_DEFAULT else _terms(text, "order_by")
        order = [self._order_term(term, by_name, is_grouped=is_grouped) for term in terms]
        if not order and (is_ordered or not is_grouped):
            order = [Order(value=self.scope.vocabulary.column("modified", self.scope.registry), is_descending=True)]
        if is_grouped:
            tied = [column for column in groups if all(column is not term.value for term in order)]
            return (*order, *(Order(value=column, is_descending=False) for column in tied))
        return (*order, *self._tie_breaks(order, by_name))

    def _tie_breaks(self, order: list[Order], by_name: dict[str, Column | Aggregate]) -> Iterable[Order]:
        """Yield the name, in the direction of the last term (an index then serves both), and the order of child rows."""
        vocabulary = self.scope.vocabulary
        name = vocabulary.column("name", self.scope.registry)
        if all(term.value is not name for term in order):
            yield Order(value=name, is_descending=order[-1].is_descending)
        columns = (_column(value) for value in (*by_name.values(), *(term.value for term in order)))
        sources: dict[Source, None] = dict.fromkeys(column.source for column in columns if column is not None)
        for source in sources:
            if source.kind is SourceKind.CHILD:
                for field in ("idx", "name"):
                    column = vocabulary.column_in(source, field)
                    if column is not None:
                        yield Order(value=column, is_descending=False)

    def _order_term(self, term: str, by_name: dict[str, Column | Aggregate], *, is_grouped: bool) -> Order:
        words = term.rsplit(None, 1)
        has_direction = len(words) > 1 and words[1].lower() in {"asc", "desc"}
        text = words[0] if has_direction else term
        try:
            value = by_name.get(text.strip("`")) or self._value(text)
        except UnknownField:
            if len(words) == 1 or has_direction or "." in words[1]:
                raise
            message = f"Cannot order by {term[:100]!r}: write a field, then asc or desc"
            raise InvalidQuery(message, part="order_by") from None
        if isinstance(value, Aggregate) and not is_grouped:
            message = f"Cannot order by {term[:100]!r}: it needs group_by"
            raise InvalidQuery(message, part="order_by")
        if isinstance(value, Column):
            _refuse_secret(value)
        return Order(value=value, is_descending=has_direction and words[1].lower() == "desc")


def _terms(text: str, part: str) -> list[str]:
    terms = [term.strip() for term in text.split(",") if term.strip()]
    if len(terms) > _MAX_TERMS:
        message = f"{part} may have at most {_MAX_TERMS} terms"
        raise InvalidQuery(message, part=part, limit=_MAX_TERMS)
    for term in terms:
        _check_length(term, part)
    return terms


def _check_length(text: str, part: str) -> None:
    if len(text) > _MAX_TEXT_LENGTH:
        message = f"A part of {part} is longer than {_MAX_TEXT_LENGTH} characters"
        raise InvalidQuery(message, part=part, limit=_MAX_TEXT_LENGTH)


def _column(value: Column | Aggregate) -> Column | None:
    return value if isinstance(value, Column) else value.column


def _refuse_secret(column: Column) -> None:
    if column.field.type.is_secret:
        message = f"{column.field.name} is kept encrypted: it can be neither ordered nor grouped by, nor counted"
        raise InvalidQuery(message, field=column.field.name)
