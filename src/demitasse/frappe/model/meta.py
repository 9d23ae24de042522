"""``Meta``: a DocType as app code reads it."""

from typing import Any

from demitasse.frappe.values import AttrDict


class Meta:
    """A DocType as app code reads it."""

    def __init__(self, doctype: Any) -> None:
        self._doctype = doctype

    @property
    def name(self) -> str:
        """The DocType's name."""
        return str(self._doctype.name)

    @property
    def fields(self) -> list[AttrDict]:
        """Its fields, with Frappe's names for their properties."""
        return [_field_dict(field) for field in self._doctype.fields]

    def get_field(self, fieldname: str) -> AttrDict | None:
        """Return one field."""
        field = self._doctype.by_name.get(fieldname)
        return _field_dict(field) if field else None

    def has_field(self, fieldname: str) -> bool:
        """Return whether there is such a field."""
        return fieldname in self._doctype.by_name

    def get_valid_columns(self) -> list[str]:
        """Return the names of the columns."""
        return [field.name for field in self._doctype.columns]

    def __getattr__(self, key: str) -> Any:
        return self._doctype.definition.get(key)


def _field_dict(field: Any) -> AttrDict:
    return AttrDict(
        fieldname=field.name,
        fieldtype=field.fieldtype,
        label=field.label,
        options=field.options,
        reqd=int(field.required),
        default=field.default,
        read_only=int(field.read_only),
        hidden=int(field.hidden),
    )
