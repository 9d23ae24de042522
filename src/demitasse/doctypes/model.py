"""A DocType as frozen metadata, and the registry that finds one by name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from demitasse.doctypes.errors import UnknownDocType
from demitasse.doctypes.field_types import FIELD_TYPES, FieldType

ACTIONS = ("read", "write", "create", "delete", "submit", "cancel", "amend", "select", "report", "export", "import")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a DocType, with the names of Frappe's DocField where they are words of the field.

    Args:
        aliases: Other names under which requests and app code may use the field.
        precision: Decimals that are kept of a number, ``None`` for the type's own.
    """

    name: str
    fieldtype: str
    type: FieldType
    label: str
    options: str | None = None
    default: Any = None
    required: bool = False
    unique: bool = False
    read_only: bool = False
    hidden: bool = False
    search_index: bool = False
    in_list_view: bool = False
    in_standard_filter: bool = False
    set_only_once: bool = False
    allow_on_submit: bool = False
    no_copy: bool = False
    fetch_if_empty: bool = False
    ignore_user_permissions: bool = False
    is_custom: bool = False
    permlevel: int = 0
    precision: int | None = None
    length: int | None = None
    fetch_from: str | None = None
    description: str | None = None
    depends_on: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def max_length(self) -> int | None:
        """Longest text in characters, ``None`` where there is no limit."""
        return self.length or self.type.max_length


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a role may do at a permission level, on every document or (``if_owner``) on its own."""

    role: str
    actions: frozenset[str]
    permlevel: int = 0
    if_owner: bool = False


def _standard(name: str, fieldtype: str, label: str) -> Field:
    return Field(name=name, fieldtype=fieldtype, type=FIELD_TYPES[fieldtype], label=label, no_copy=True)


STANDARD_FIELDS = (
    _standard("name", "Data", "ID"),
    _standard("owner", "Data", "Created By"),
    _standard("creation", "Datetime", "Created On"),
    _standard("modified", "Datetime", "Last Updated On"),
    _standard("modified_by", "Data", "Last Updated By"),
    _standard("docstatus", "Int", "Document Status"),
    _standard("idx", "Int", "Index"),
)
CHILD_FIELDS = (
    _standard("parent", "Data", "Parent"),
    _standard("parentfield", "Data", "Parent Field"),
    _standard("parenttype", "Data", "Parent Document Type"),
)
STANDARD_NAMES = frozenset(f.name for f in (*STANDARD_FIELDS, *CHILD_FIELDS))


@dataclass(frozen=True, kw_only=True)
class DocType:
    """A kind of document: its fields, naming and permissions. Source: Frappe's DocType JSON.

    Args:
        is_log: The server writes it (``in_create``); its links keep no other document from being deleted.
    """

    name: str
    module: str
    app: str
    fields: tuple[Field, ...]
    permissions: tuple[Permission, ...] = ()
    is_table: bool = False
    is_single: bool = False
    is_submittable: bool = False
    is_tree: bool = False
    is_custom: bool = False
    is_log: bool = False
    autoname: str | None = None
    title_field: str | None = None
    search_fields: tuple[str, ...] = ()
    sort_field: str = "modified"
    sort_order: str = "desc"
    track_changes: bool = False
    icon: str | None = None
    description: str | None = None
    indexes: tuple[tuple[str, ...], ...] = ()
    definition: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def table(self) -> str:
        """The name of the table; singles have none of their own."""
        return "tab" + self.name

    @cached_property
    def standard_fields(self) -> tuple[Field, ...]:
        """The fields that every document of this kind has."""
        return (*STANDARD_FIELDS, *CHILD_FIELDS) if self.is_table else STANDARD_FIELDS

    @cached_property
    def data_fields(self) -> tuple[Field, ...]:
        """The own fields that have a column, in order."""
        return tuple(f for f in self.fields if f.type.storage is not None)

    @cached_property
    def columns(self) -> tuple[Field, ...]:
        """Every field that has a column: the standard ones, then the own ones."""
        return (*self.standard_fields, *self.data_fields)

    @cached_property
    def table_fields(self) -> tuple[Field, ...]:
        """The fields that hold rows of a child DocType (named by ``options``)."""
        return tuple(f for f in self.fields if f.type.is_table)

    @cached_property
    def secret_fields(self) -> tuple[Field, ...]:
        """The fields whose column holds ciphertext."""
        return tuple(f for f in self.fields if f.type.is_secret)

    @cached_property
    def texts(self) -> frozenset[str]:
        """The names of the fields in which any text but the empty one is kept as it is."""
        return frozenset(f.name for f in self.columns if f.type.keeps_text)

    @cached_property
    def has_levels(self) -> bool:
        """Whether a permission level guards one of its own fields."""
        return any(f.permlevel for f in self.fields)

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Standard and own fields by their canonical name; layout left out."""
        own = (f for f in self.fields if f.type.storage is not None or f.type.is_table)
        return {f.name: f for f in (*self.standard_fields, *own)}

    @cached_property
    def _names(self) -> Mapping[str, str]:
        names = {alias: f.name for f in self.fields for alias in f.aliases}
        names.update({name: name for name in self.by_name})
        return names

    def canonical(self, name: str) -> str | None:
        """Return the canonical name for a field name or an alias, ``None`` when there is no such field."""
        return self._names.get(name)

    def with_fields(self, more: tuple[Field, ...]) -> "DocType":
        """Return a copy with ``more`` appended (Custom Fields)."""
        return replace(self, fields=(*self.fields, *more))


class Registry:
    """The DocTypes of a site by name. Replacing one is atomic: readers see the old or the new."""

    def __init__(self) -> None:
        self._found: dict[str, DocType] = {}

    def register(self, doctype: DocType) -> None:
        """Add a DocType, or put a new version in the place of the old one."""
        self._found[doctype.name] = doctype

    def remove(self, name: str) -> None:
        """Forget a DocType."""
        self._found.pop(name, None)

    def find(self, name: str) -> DocType | None:
        """Return the DocType with this exact name, if there is one."""
        return self._found.get(name)

    def get(self, name: str) -> DocType:
        """Return the DocType with this exact name.

        Raises:
            UnknownDocType: there is none.
        """
        found = self._found.get(name)
        if found is None:
            message = f"DocType {name} not found"
            raise UnknownDocType(message, doctype=name)
        return found

    def __iter__(self) -> Iterator[DocType]:
        return iter(tuple(self._found.values()))
