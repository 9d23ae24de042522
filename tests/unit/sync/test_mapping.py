"""Documents of a source that is not quite like this site still become documents here."""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from demitasse.doctypes.model import Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.model import Record
from demitasse.sync.mapping import Mapper, differing, name_rows
from demitasse.sync.model import RemoteDocument, Rule, Version

ROW = parse_doctype(
    {
        "name": "Price",
        "istable": 1,
        "module": "M",
        "fields": [
            {"fieldname": "uom", "fieldtype": "Data"},
            {"fieldname": "rate", "fieldtype": "Float"},
            {"fieldname": "since", "fieldtype": "Datetime"},
        ],
    },
    app="test",
)
ITEM = parse_doctype(
    {
        "name": "Item",
        "module": "M",
        "fields": [
            {"fieldname": "title", "fieldtype": "Data"},
            {"fieldname": "rate", "fieldtype": "Currency"},
            {"fieldname": "seen_at", "fieldtype": "Datetime"},
            {"fieldname": "pin", "fieldtype": "Password"},
            {"fieldname": "prices", "fieldtype": "Table", "options": "Price"},
        ],
    },
    app="test",
)


def registry() -> Registry:
    found = Registry()
    found.register(ITEM)
    found.register(ROW)
    return found


def mapped(values: Mapping[str, Any], *, zone: tzinfo = UTC, **asked: Any) -> dict[str, Any]:
    remote = RemoteDocument(
        doctype="Item",
        name="A",
        modified="2026-01-31 10:00:00.000000",
        version=Version("them", "x"),
        changed_at=datetime(2026, 1, 31, 10, tzinfo=UTC),
        values=values,
        zone=zone,
    )
    rule = Rule(name="R", site="HQ", doctype="Item", local_doctype="Item", **asked)
    return Mapper(tuple(values), rule, ITEM, registry()).values(remote)


def test_fields_that_are_not_here_are_left_out() -> None:
    found = mapped({"title": "T", "colour": "red", "batches": [{"name": "b"}], "name": "A", "owner": "x"})
    assert found == {"title": "T"}


def test_a_field_that_is_a_table_on_one_side_only_is_left_out() -> None:
    assert mapped({"title": [{"name": "r"}], "prices": "none"}) == {}


def test_a_map_renames_and_leaves_out() -> None:
    found = mapped({"label": "T", "rate": 5, "title": "other"}, fields={"label": "title", "rate": "rate"})
    assert found == {"title": "T", "rate": 5}


def test_fixed_values_win() -> None:
    assert mapped({"title": "T"}, fixed={"title": "fixed"}) == {"title": "fixed"}


def test_an_empty_field_at_the_source_is_emptied_here() -> None:
    assert mapped({"title": None}) == {"title": None}


def test_moments_are_of_the_sources_zone() -> None:
    found = mapped(
        {"seen_at": "2026-07-01 12:00:00.5", "prices": [{"name": "r", "since": "2026-07-01 00:00:00"}]},
        zone=ZoneInfo("Asia/Kolkata"),
    )
    assert found["seen_at"] == datetime(2026, 7, 1, 6, 30, 0, 500_000, tzinfo=UTC)
    assert found["prices"][0]["since"] == datetime(2026, 6, 30, 18, 30, tzinfo=UTC)


def test_secrets_are_never_taken_over() -> None:
    assert mapped({"pin": "********"}) == {}


def rows(*pairs: tuple[str, str]) -> list[Record]:
    return [Record(ROW, {"name": name, "uom": uom}, is_new=False) for name, uom in pairs]


def test_rows_are_matched_by_a_key_in_order_and_the_rest_is_new() -> None:
    arriving: list[dict[str, Any]] = [
        {"name": "x1", "uom": "Box"},
        {"name": "x2", "uom": "Nos"},
        {"name": "x3", "uom": "Nos"},
        {"name": "x4", "uom": "Kg"},
    ]
    name_rows(arriving, rows(("l1", "Nos"), ("l2", "Box"), ("l3", "Nos")), key="uom")
    assert [row["name"] for row in arriving] == ["l2", "l1", "l3", None]


def test_rows_keep_the_sources_names_without_a_key() -> None:
    arriving: list[dict[str, Any]] = [{"name": "x1", "uom": "Box"}]
    name_rows(arriving, rows(("l1", "Box")), key=None)
    assert arriving[0]["name"] == "x1"


def test_what_is_empty_in_two_ways_does_not_differ() -> None:
    record = Record(ITEM, {"title": "T", "rate": 0.0}, is_new=False)
    assert differing(record, {"title": "T", "rate": None, "seen_at": None}) == {}
    assert differing(record, {"title": "U"}) == {"title": "U"}
