"""From DocType JSON, in Frappe's format, to metadata."""

import re
from collections.abc import Mapping
from typing import Any

from demitasse.doctypes.errors import InvalidDocType
from demitasse.doctypes.field_types import FIELD_TYPES
from demitasse.doctypes.model import ACTIONS, STANDARD_NAMES, DocType, Field, Permission

_FIELD_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}\Z")
_DOCTYPE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{0,60}\Z")


def parse_doctype(source: Mapping[str, Any], *, app: str, is_custom: bool = False) -> DocType:
    """Return the DocType that the JSON describes.

    Args:
        source: The content of a DocType's JSON file (or of a DocType document).
        app: The app that ships it.
        is_custom: It was made at run time.

    Raises:
        InvalidDocType: a name, a field or a permission cannot be used.
    """
    name = source.get("name")
    if not isinstance(name, str) or not _DOCTYPE_NAME.match(name):
        message = f"{name!r} cannot be the name of a DocType: use letters, digits, spaces, '-' and '_', at most 61"
        raise InvalidDocType(message, doctype=name)
    fields = tuple(parse_field(row, doctype=name) for row in source.get("fields") or ())
    seen: set[str] = set()
    for field in fields:
        if field.name in seen:
            message = f"DocType {name} has the field {field.name} twice"
            raise InvalidDocType(message, doctype=name, field=field.name)
        seen.add(field.name)
    search = source.get("search_fields") or ""
    return DocType(
        name=name,
        module=source.get("module") or "",
        app=app,
        fields=fields,
        permissions=tuple(parse_permission(row) for row in source.get("permissions") or ()),
        is_table=bool(source.get("istable")),
        is_single=bool(source.get("issingle")),
        is_submittable=bool(source.get("is_submittable")),
        is_tree=bool(source.get("is_tree")),
        is_custom=is_custom,
        is_log=bool(source.get("in_create")),
        autoname=_autoname(source),
        title_field=source.get("title_field") or None,
        search_fields=tuple(part.strip() for part in search.split(",") if part.strip()),
        sort_field=source.get("sort_field") or "modified",
        sort_order=(source.get("sort_order") or "desc").lower(),
        track_changes=bool(source.get("track_changes")),
        icon=source.get("icon"),
        description=source.get("description"),
        indexes=tuple(tuple(columns) for columns in source.get("indexes") or ()),
        definition=source,
    )


def parse_field(row: Mapping[str, Any], *, doctype: str) -> Field:
    """Return the field that a DocField row describes.

    Raises:
        InvalidDocType: the name or the type cannot be used.
    """
    fieldtype = row.get("fieldtype") or "Data"
    kind = FIELD_TYPES.get(fieldtype)
    if kind is None:
        message = f"DocType {doctype}: {fieldtype!r} is not a field type"
        raise InvalidDocType(message, doctype=doctype, fieldtype=fieldtype)
    name = row.get("fieldname") or re.sub(r"\W+", "_", str(row.get("label") or "")).strip("_").lower()
    has_value = kind.storage is not None or kind.is_table
    if has_value and (not _FIELD_NAME.match(name) or name in STANDARD_NAMES):
        message = f"DocType {doctype}: {name!r} cannot be a field name: use lower-case letters, digits and '_'"
        raise InvalidDocType(message, doctype=doctype, field=name)
    if kind.is_table and not row.get("options"):
        message = f"DocType {doctype}: the table field {name} names no child DocType in its options"
        raise InvalidDocType(message, doctype=doctype, field=name)
    precision = row.get("precision")
    return Field(
        name=name,
        fieldtype=fieldtype,
        type=kind,
        label=row.get("label") or name.replace("_", " ").title(),
        options=row.get("options") or None,
        default=row.get("default"),
        required=bool(row.get("reqd")),
        unique=bool(row.get("unique")),
        read_only=bool(row.get("read_only")),
        hidden=bool(row.get("hidden")),
        search_index=bool(row.get("search_index")),
        in_list_view=bool(row.get("in_list_view")),
        in_standard_filter=bool(row.get("in_standard_filter")),
        set_only_once=bool(row.get("set_only_once")),
        allow_on_submit=bool(row.get("allow_on_submit")),
        no_copy=bool(row.get("no_copy")),
        fetch_if_empty=bool(row.get("fetch_if_empty")),
        ignore_user_permissions=bool(row.get("ignore_user_permissions")),
        is_custom=bool(row.get("is_custom_field")),
        permlevel=int(row.get("permlevel") or 0),
        precision=int(precision) if precision not in (None, "") else None,
        length=int(row["length"]) if row.get("length") else None,
        fetch_from=row.get("fetch_from") or None,
        description=row.get("description") or None,
        depends_on=row.get("depends_on") or None,
        aliases=tuple(row.get("aliases") or ()),
    )


def parse_permission(row: Mapping[str, Any]) -> Permission:
    """Return the permission that a DocPerm row describes."""
    return Permission(
        role=row["role"],
        actions=frozenset(action for action in ACTIONS if row.get(action)),
        permlevel=int(row.get("permlevel") or 0),
        if_owner=bool(row.get("if_owner")),
    )


def _autoname(source: Mapping[str, Any]) -> str | None:
    rule = source.get("autoname")
    if rule:
        return str(rule)
    by_rule = {"Set by user": "prompt", "Random": "hash", "Autoincrement": "autoincrement"}
    return by_rule.get(source.get("naming_rule") or "")
