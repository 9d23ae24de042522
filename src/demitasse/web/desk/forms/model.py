"""A form as templates draw it: what stands in its tabs, sections, columns, controls and rows."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from demitasse.doctypes.model import Field, Registry
from demitasse.web.desk.forms.applying import Place
from demitasse.web.desk.forms.editing import Editing
from demitasse.web.desk.forms.state import FormState


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One control, or the plain text of a field that may not be changed.

    Args:
        kind: Which macro of ``controls.html`` draws it; ``plain`` is text.
        id: Of the element.
        name: Under which the form sends it.
        text: What stands in it.
        shown: What a person reads where it cannot be changed.
        href: Where the link of a plain Link leads.
        options: What can be chosen from.
        more: What only its kind needs.
    """

    field: Field
    kind: str
    id: str
    name: str
    text: str
    shown: str = ""
    href: str = ""
    level: str = ""
    is_required: bool = False
    error: str = ""
    options: tuple[str, ...] = ()
    depends: str = ""
    is_hidden: bool = False
    more: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row of a table: what stands in its cells, and what is unfolded below them."""

    key: str
    name: str
    cells: tuple[Control, ...]
    more: tuple[Control, ...]
    has_error: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table in a form."""

    columns: tuple[Field, ...]
    has_more: bool
    rows: tuple[RowView, ...]


@dataclass(slots=True, kw_only=True)
class Section:
    """A part of a form with columns of controls."""

    label: str = ""
    description: str = ""
    is_folded: bool = False
    depends: str = ""
    is_hidden: bool = False
    columns: list[list[Control]] = dataclasses.field(default_factory=lambda: [[]])


@dataclass(slots=True, kw_only=True)
class Tab:
    """A page of a form."""

    label: str
    sections: list[Section] = dataclasses.field(default_factory=list)
    has_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What the views of one form are made from."""

    registry: Registry
    zone: tzinfo
    editing: Editing
    state: FormState
    errors: Mapping[Place, str]

    def text(self, name: str) -> str:
        """Return the text of a field, as far as the form has it."""
        return self.state.texts.get(name, "")
