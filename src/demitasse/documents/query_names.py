"""From the names in a request to columns.

A field may be named ``item_name``, ``tabItem.item_name`` or with backticks; over a Link ``item_group.is_group``; in a
child table ``items.qty`` or ``tabSales Order Item.qty``. Nothing else is a name, and no name reaches the SQL.
"""

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo
from threading import Lock
from typing import Any

from demitasse.doctypes.model import DocType, Field, Registry
from demitasse.documents.query import Column, Readable, Selection, Source, SourceKind, Tree
from demitasse.documents.query_errors import InvalidQuery, UnknownField
from demitasse.documents.recent import Recent

_NAME = re.compile(
    r"""(?:(?P<q1>`?)(?P<place>[A-Za-z_][A-Za-z0-9_ -]*)(?P=q1)\.)?"""
    r"""(?P<q2>`?)(?P<name>[A-Za-z_][A-Za-z0-9_]*|\*)(?P=q2)\Z""",
)
_MAX_NAME_LENGTH = 200
_SHOWN_LENGTH = 100
_SELECTIONS_KEPT = 256
_DOCTYPES_KEPT = 512
_ALWAYS_SET = frozenset({"name", "owner", "creation", "modified", "modified_by"})


def unknown_field(text: str, doctype: DocType) -> UnknownField:
    """Return the error for a name that may not be used."""
    shown = text if len(text) <= _SHOWN_LENGTH else text[:_SHOWN_LENGTH] + "..."
    message = f"Field not permitted in query: {shown}"
    return UnknownField(message, field=shown, doctype=doctype.name)


def split_name(text: str, doctype: DocType) -> tuple[str | None, str]:
    """Return the table or field before the dot, if there is one, and the field's name (or ``*``).

    Raises:
        UnknownField: the text is no name.
    """
    found = _NAME.match(text) if len(text) <= _MAX_NAME_LENGTH else None
    if found is None:
        raise unknown_field(text, doctype)
    return found["place"], found["name"]


class Vocabulary:
    """The columns that queries on one version of a DocType can name, each made once.

    Other DocTypes that are reached from here are looked up in the registry each time, and made anew when they have
    changed there.
    """

    def __init__(self, doctype: DocType) -> None:
        self.doctype = doctype
        self.main = Source(kind=SourceKind.MAIN, doctype=doctype)
        self.guarded = tuple(field for field in doctype.columns if field.permlevel)
        self.selections: Recent[Any, Selection] = Recent(_SELECTIONS_KEPT)
        self._sources: dict[tuple[SourceKind, str], Source] = {}
        self._columns: dict[tuple[Source, str], Column] = {}
        self._trees: dict[str, Tree] = {}
        self._found: dict[str, Column] = {}
        self._lock = Lock()

    def column(self, text: str, registry: Registry) -> Column:
        """Return the column that a text names.

        Raises:
            UnknownField: it names none.
        """
        found = self._found.get(text)
        if found is not None and is_current(found.source, registry):
            return found
        place, name = split_name(text.strip(), self.doctype)
        source = self.main if place is None else self.source(place, registry, text=text)
        column = self.column_in(source, name)
        if column is None:
            raise unknown_field(text, self.doctype)
        if text == text.strip():
            self._found[text] = column
        return column

    def column_in(self, source: Source, name: str) -> Column | None:
        """Return a column of a source by field name or alias."""
        field = source.doctype.by_name.get(source.doctype.canonical(name) or "")
        if field is None or field.type.storage is None:
            return None
        found = self._columns.get((source, field.name))
        if found is not None:
            return found
        is_own = source.kind is SourceKind.MAIN
        is_set = field.type.empty is not None or field.name in _ALWAYS_SET
        made = Column(source=source, field=field, is_optional=not (is_own and is_set))
        return self._columns.setdefault((source, field.name), made)

    def source(self, place: str, registry: Registry, *, text: str) -> Source:
        """Return the source that stands before a dot: a Link or table field, or ``tab`` and a DocType.

        Raises:
            UnknownField: it is neither.
        """
        field = self.doctype.by_name.get(self.doctype.canonical(place) or "")
        if field is not None:
            if field.type.is_table:
                return self._reached(SourceKind.CHILD, field.name, field, registry, text=text)
            if field.fieldtype == "Link":
                return self._reached(SourceKind.LINK, field.name, field, registry, text=text)
        elif place.startswith("tab"):
            return self.source_of(place[3:], registry, text=text)
        raise unknown_field(text, self.doctype)

    def source_of(self, doctype: str, registry: Registry, *, text: str) -> Source:
        """Return the main source, or that of a child DocType's rows, by the name of the DocType.

        Raises:
            UnknownField: it is neither this DocType nor one of its child tables.
        """
        if doctype == self.doctype.name:
            return self.main
        fields = [field for field in self.doctype.table_fields if field.options == doctype]
        if not fields:
            raise unknown_field(text, self.doctype)
        if len(fields) == 1:
            return self._reached(SourceKind.CHILD, fields[0].name, fields[0], registry, text=text)
        return self._reached(SourceKind.CHILD, f"tab{doctype}", fields[0], registry, text=text)

    def tree(self, column: Column, registry: Registry) -> Tree:
        """Return the tree that a column points into: that of its Link, or its own DocType for ``name``.

        Raises:
            InvalidQuery: there is none.
        """
        field = column.field
        own = column.source.doctype.name if field.name == "name" else None
        target = registry.find(field.options or "") if field.fieldtype == "Link" else registry.find(own or "")
        parent = _parent_field(target) if target is not None else None
        if target is None or parent is None:
            message = f"{field.name} does not point into a tree: descendants and ancestors need a parent field"
            raise InvalidQuery(message, field=field.name, doctype=self.doctype.name)
        found = self._trees.get(target.name)
        if found is None or found.doctype is not target:
            found = self._trees[target.name] = Tree(doctype=target, parent=parent)
        return found

    def _reached(self, kind: SourceKind, key: str, field: Field, registry: Registry, *, text: str) -> Source:
        target = registry.find(field.options or "")
        if target is None or target.is_single:
            raise unknown_field(text, self.doctype)
        with self._lock:  # two sources for one table would join it twice
            found = self._sources.get((kind, key))
            if found is None or found.doctype is not target:
                if found is not None:
                    self._columns.clear()
                    self._found.clear()
                found = Source(kind=kind, doctype=target, field=field if key == field.name else None)
                self._sources[kind, key] = found
        return found


def is_current(source: Source, registry: Registry) -> bool:
    """Return whether the source's DocType is still the one in the registry."""
    return source.kind is SourceKind.MAIN or registry.find(source.doctype.name) is source.doctype


def _parent_field(doctype: DocType) -> Field | None:
    name = doctype.definition.get("nsm_parent_field") or "parent_" + doctype.name.lower().replace(" ", "_")
    field = doctype.by_name.get(name)
    if field is None or field.fieldtype != "Link" or field.options != doctype.name or doctype.is_single:
        return None
    return field


# Metadata is replaced as a whole and never changed, so what is worked out for it is kept by its identity.
_VOCABULARIES: Recent[int, Vocabulary] = Recent(_DOCTYPES_KEPT)


def vocabulary_of(doctype: DocType) -> Vocabulary:
    """Return the vocabulary of this version of a DocType."""
    found = _VOCABULARIES.get(id(doctype))
    if found is None or found.doctype is not doctype:
        found = Vocabulary(doctype)
        _VOCABULARIES.put(id(doctype), found)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What the names and values of one request mean.

    Args:
        zone: The zone of naive moments and of days.
        now: The present moment, aware.
        readable: Asked for fields with a permission level and for those of other DocTypes; ``None`` allows all.
    """

    vocabulary: Vocabulary
    registry: Registry
    zone: tzinfo
    now: datetime
    readable: Readable | None = None

    def column(self, text: Any) -> Column:
        """Return the column that a text names.

        Raises:
            UnknownField: it names none that may be read.
        """
        if not isinstance(text, str):
            raise unknown_field(repr(text), self.vocabulary.doctype)
        return self.permitted(self.vocabulary.column(text, self.registry), text)

    def column_of(self, doctype: str | None, text: Any) -> Column:
        """Return the column of a DocType, the main one or a child, as filters of four parts name it.

        Raises:
            UnknownField: it names none that may be read.
        """
        vocabulary = self.vocabulary
        if not doctype or doctype == vocabulary.doctype.name:
            return self.column(text)
        if not isinstance(text, str):
            raise unknown_field(repr(text), vocabulary.doctype)
        shown = f"{doctype}.{text}"
        source = vocabulary.source_of(doctype, self.registry, text=shown)
        place, name = split_name(text.strip(), vocabulary.doctype)
        column = vocabulary.column_in(source, name) if place in {None, source.doctype.table} else None
        if column is None:
            raise unknown_field(shown, vocabulary.doctype)
        return self.permitted(column, shown)

    def permitted(self, column: Column, text: str) -> Column:
        """Return the column.

        Raises:
            UnknownField: the one who asks may not read it.
        """
        source, doctype = column.source, self.vocabulary.doctype
        if self.readable is None or (source is self.vocabulary.main and not column.field.permlevel):
            return column
        if not self.readable(source.doctype, column.field) or not all(
            self.readable(doctype, way) for way in self._ways(source) if way.permlevel
        ):
            raise unknown_field(text, doctype)
        return column

    def _ways(self, source: Source) -> tuple[Field, ...]:
        """Return the fields of the main DocType that lead to a source."""
        if source.field is not None:
            return (source.field,)
        if source.kind is not SourceKind.CHILD:
            return ()
        return tuple(field for field in self.vocabulary.doctype.table_fields if field.options == source.doctype.name)

    def hidden_names(self) -> tuple[str, ...]:
        """Return the main fields that the one who asks may not read."""
        guarded = self.vocabulary.guarded
        if not guarded or self.readable is None:
            return ()
        return tuple(field.name for field in guarded if not self.readable(self.vocabulary.doctype, field))
