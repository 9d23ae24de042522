"""DocType JSON in Frappe's format becomes metadata, or is refused with the part that is wrong."""

from typing import Any

import pytest

from demitasse.doctypes.errors import InvalidDocType, UnknownDocType
from demitasse.doctypes.model import Registry
from demitasse.doctypes.parse import parse_doctype

LEAD: dict[str, Any] = {
    "name": "Lead",
    "module": "CRM",
    "autoname": "naming_series:",
    "search_fields": "lead_name, email_id",
    "fields": [
        {"fieldname": "sb", "fieldtype": "Section Break"},
        {"fieldname": "lead_name", "fieldtype": "Data", "reqd": 1, "aliases": ["title"]},
        {"fieldname": "notes", "fieldtype": "Table", "options": "Note"},
        {"fieldname": "pin", "fieldtype": "Password"},
    ],
    "permissions": [{"role": "Sales", "read": 1, "if_owner": 1}, {"role": "Sales", "permlevel": 2, "write": 1}],
}


def test_fields_are_sorted_by_what_they_hold() -> None:
    lead = parse_doctype(LEAD, app="trade")

    assert [field.name for field in lead.data_fields] == ["lead_name", "pin"]
    assert [field.name for field in lead.table_fields] == ["notes"]
    assert [field.name for field in lead.secret_fields] == ["pin"]
    assert lead.search_fields == ("lead_name", "email_id")
    assert lead.table == "tabLead"


def test_names_and_aliases_lead_to_the_canonical_name() -> None:
    lead = parse_doctype(LEAD, app="trade")

    assert [lead.canonical(name) for name in ("lead_name", "title", "creation", "sb", "nosuch")] == [
        "lead_name", "lead_name", "creation", None, None,
    ]  # fmt: skip


def test_permissions_carry_level_and_ownership() -> None:
    first, second = parse_doctype(LEAD, app="trade").permissions

    assert (first.role, first.actions, first.if_owner, first.permlevel) == ("Sales", frozenset({"read"}), True, 0)
    assert (second.actions, second.permlevel) == (frozenset({"write"}), 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 'a"b'}, "cannot be the name"),
        ({"fields": [{"fieldname": "x", "fieldtype": "Wrong"}]}, "not a field type"),
        ({"fields": [{"fieldname": "a b", "fieldtype": "Data"}]}, "cannot be a field name"),
        ({"fields": [{"fieldname": "owner", "fieldtype": "Data"}]}, "cannot be a field name"),
        ({"fields": [{"fieldname": "x", "fieldtype": "Table"}]}, "names no child"),
        ({"fields": [{"fieldname": "x"}, {"fieldname": "x"}]}, "twice"),
    ],
)
def test_what_cannot_be_a_doctype_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidDocType, match=message):
        parse_doctype({**LEAD, **change}, app="trade")


def test_a_name_that_is_not_there_is_an_error_and_case_counts() -> None:
    registry = Registry()
    registry.register(parse_doctype(LEAD, app="trade"))

    assert registry.get("Lead").name == "Lead"
    with pytest.raises(UnknownDocType, match="DocType lead not found"):
        registry.get("lead")
