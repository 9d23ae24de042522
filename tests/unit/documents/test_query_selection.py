"""What a list shows: fields, order, groups."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demitasse.doctypes.model import DocType, Field
from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.query_errors import InvalidQuery, UnknownField
from demitasse.kernel.json import MalformedJson
from tests.unit.documents.query_site import ITEM_GROUP, QuerySite, field, trading_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuerySite]:
    with trading_site(tmp_path_factory.mktemp("query") / "site.db") as found:
        yield found


def _ask(site: QuerySite, part: str, value: Any) -> None:
    asked: dict[str, Any] = {part: value}
    site.query("Item", **asked)


@pytest.mark.parametrize("fields", [None, [], "", "[]", "name", '["name"]', ["`name`"], ["tabItem.name"]])
def test_without_fields_the_name_is_shown(site: QuerySite, fields: Any) -> None:
    assert site.dicts("Item", fields=fields, limit=1) == [{"name": "BLANK"}]


@pytest.mark.parametrize(
    "fields",
    [
        ["name", "item_name"],
        '["name", "item_name"]',
        "name,item_name",
        " name , item_name ",
        ["name, item_name"],
        ["`tabItem`.`name`", "`tabItem`.item_name"],
    ],
)
def test_fields_are_named_in_many_forms(site: QuerySite, fields: Any) -> None:
    assert site.dicts("Item", fields=fields, filters={"name": "CONE"}) == [{"name": "CONE", "item_name": "Waffle cone"}]


@pytest.mark.parametrize("fields", ["*", ["*"], '["*"]', ["`tabItem`.*"], ["tabItem.*"]])
def test_a_star_shows_every_column(site: QuerySite, fields: Any) -> None:
    (found,) = site.dicts("Item", fields=fields, filters={"name": "CONE"})
    assert list(found) == [column.name for column in site.doctype("Item").columns]
    assert found["standard_rate"] == 2.5
    assert found["stock"] == 40


def test_a_field_is_shown_under_the_name_it_is_given(site: QuerySite) -> None:
    fields = ["name as id", "standard_rate AS price", "item_name as `Item Name`", "stock as 'in stock'"]
    assert site.dicts("Item", fields=fields, filters={"name": "CONE"}) == [
        {"id": "CONE", "price": 2.5, "Item Name": "Waffle cone", "in stock": 40}
    ]


def test_an_alias_of_the_doctype_is_shown_as_it_was_asked_for(site: QuerySite) -> None:
    fields = ["doc_event", "webhook_docevent"]
    found = site.dicts("Item", fields=fields, filters={"doc_event": "on_update"}, order_by="doc_event")
    assert found == [{"doc_event": "on_update", "webhook_docevent": "on_update"}]


def test_a_field_over_a_link_is_shown(site: QuerySite) -> None:
    fields = ["name", "item_group.parent_item_group as above", "item_group.is_group"]
    assert site.dicts("Item", fields=fields, order_by="name") == [
        {"name": "BLANK", "above": None, "is_group": None},
        {"name": "CONE", "above": "All", "is_group": 1},
        {"name": "MANGO", "above": "Products", "is_group": 0},
        {"name": "VISIT", "above": "All", "is_group": 0},
    ]


@pytest.mark.parametrize(
    "fields",
    [
        ["name", "items.item_code as code"],
        ["name", "`tabSales Order Item`.item_code as code"],
        ["name", "tabSales Order Item.item_code as code"],
        ["name", "`items`.`item_code` as code"],
    ],
)
def test_a_field_of_a_child_table_gives_a_row_for_each_child(site: QuerySite, fields: list[str]) -> None:
    assert site.dicts("Sales Order", fields=fields, filters={"customer": "Acme"}, order_by="name") == [
        {"name": "SO-1", "code": "CONE"},
        {"name": "SO-1", "code": "MANGO"},
        {"name": "SO-3", "code": None},
    ]


def test_filters_on_a_child_table_that_is_shown_hold_for_the_row_shown(site: QuerySite) -> None:
    fields = ["name", "items.item_code", "items.qty"]
    assert site.dicts("Sales Order", fields=fields, filters=[["items.qty", ">", 6]], order_by="name") == [
        {"name": "SO-1", "item_code": "MANGO", "qty": 7.0},
        {"name": "SO-2", "item_code": "CONE", "qty": 9.0},
    ]


def test_a_second_field_of_the_same_name_keeps_its_path(site: QuerySite) -> None:
    found = site.dicts("Sales Order", fields=["name", "items.name"], filters={"name": "SO-2"})
    assert found == [{"name": "SO-2", "items.name": "SO-2-items-1"}]


def test_a_child_doctype_used_by_two_tables_is_found_in_both(site: QuerySite) -> None:
    assert site.names("Sales Order", filters=[["Note Row", "note", "=", "call back"]]) == ["SO-4"]
    assert site.names("Sales Order", filters=[["closed_notes.note", "=", "call back"]]) == ["SO-4"]
    assert site.names("Sales Order", filters=[["notes.note", "=", "call back"]]) == []


def test_a_child_table_can_be_listed_itself(site: QuerySite) -> None:
    fields = ["parent", "parentfield", "item_code"]
    found = site.dicts("Sales Order Item", fields=fields, filters={"parent": "SO-2"})
    assert found == [{"parent": "SO-2", "parentfield": "items", "item_code": "CONE"}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["count(name) as n"], {"n": 4}),
        (["count(*) as n"], {"n": 4}),
        (["COUNT( `tabItem`.`name` ) as n"], {"n": 4}),
        (["count(item_group) as n"], {"n": 3}),
        (["count(distinct item_group.parent_item_group) as n"], {"n": 2}),
        (["sum(stock) as n", "max(standard_rate) as top"], {"n": 47, "top": 99.9}),
        (
            ["min(valid_on) as first", "max(seen_at) as last"],
            {"first": "2026-02-28", "last": "2026-03-18 00:00:00.000000"},
        ),
        (["avg(stock) as mean"], {"mean": 11.75}),
        ([{"SUM": "stock", "as": "total"}], {"total": 47}),
        ([{"COUNT": "*"}], {"COUNT(*)": 4}),
        (["count(name)"], {"count(name)": 4}),
    ],
)
def test_aggregates_count_over_all_rows(site: QuerySite, fields: Any, expected: dict[str, Any]) -> None:
    assert site.dicts("Item", fields=fields) == [expected]


@pytest.mark.parametrize("group_by", ["item_group", "`tabItem`.`item_group`", "tabItem.item_group", "grp"])
def test_aggregates_count_over_groups(site: QuerySite, group_by: str) -> None:
    fields = ["item_group as grp", "count(`tabItem`.`name`) as n", {"SUM": "standard_rate", "as": "total"}]
    assert site.dicts("Item", fields=fields, group_by=group_by, filters={"item_group": ["is", "set"]}) == [
        {"grp": "Ice", "n": 1, "total": 4.0},
        {"grp": "Products", "n": 1, "total": 2.5},
        {"grp": "Services", "n": 1, "total": 99.9},
    ]


def test_groups_can_be_ordered_by_what_is_counted(site: QuerySite) -> None:
    fields = ["customer", "count(name) as n"]
    expected = [{"customer": "Acme", "n": 2}, {"customer": None, "n": 1}, {"customer": "Globex", "n": 1}]
    for order_by in ("n desc", "count(name) desc", "`n` desc, customer asc"):
        assert site.dicts("Sales Order", fields=fields, group_by="customer", order_by=order_by) == expected


def test_a_field_that_is_not_grouped_by_shows_the_smallest_of_its_group(site: QuerySite) -> None:
    fields = ["customer", "name", "count(name) as n"]
    assert site.dicts("Sales Order", fields=fields, group_by="customer", order_by="name desc") == [
        {"customer": None, "name": "SO-4", "n": 1},
        {"customer": "Acme", "name": "SO-1", "n": 2},
        {"customer": "Globex", "name": "SO-2", "n": 1},
    ]


def test_distinct_rows_come_latest_first(site: QuerySite) -> None:
    assert site.rows("Sales Order", fields=["customer"], distinct=True) == [(None,), ("Acme",), ("Globex",)]
    assert site.rows("Sales Order", fields=["customer"], distinct=True, order_by="customer desc") == [
        ("Globex",),
        ("Acme",),
        (None,),
    ]


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, ["BLANK", "VISIT", "MANGO", "CONE"]),
        ("", ["BLANK", "VISIT", "MANGO", "CONE"]),
        ("KEEP_DEFAULT_ORDERING", ["BLANK", "VISIT", "MANGO", "CONE"]),
        ("name", ["BLANK", "CONE", "MANGO", "VISIT"]),
        ("name desc", ["VISIT", "MANGO", "CONE", "BLANK"]),
        ("`tabItem`.`standard_rate` desc", ["VISIT", "MANGO", "CONE", "BLANK"]),
        ("item_group.parent_item_group ASC, name DESC", ["BLANK", "VISIT", "CONE", "MANGO"]),
        ("disabled desc, name asc", ["MANGO", "BLANK", "CONE", "VISIT"]),
        ("valid_on", ["BLANK", "VISIT", "MANGO", "CONE"]),
    ],
)
def test_rows_come_in_the_order_asked_for(site: QuerySite, order_by: str | None, expected: list[str]) -> None:
    assert [row[0] for row in site.rows("Item", order_by=order_by)] == expected


def test_ties_are_broken_by_name_in_the_direction_of_the_last_term(site: QuerySite) -> None:
    rows = site.rows("Item", fields=["name"], order_by="owner")
    assert rows == sorted(rows)
    assert site.rows("Item", fields=["name"], order_by="owner desc") == rows[::-1]


@pytest.mark.parametrize(
    "name",
    [
        "nosuch",
        "items",
        "section",
        "item_group.nosuch",
        "nosuch.name",
        "item_name.name",
        "tabSales Order.name",
        "site.country",
    ],
)
def test_an_unknown_name_is_refused_wherever_it_stands(site: QuerySite, name: str) -> None:
    for part in ("fields", "order_by", "group_by"):
        with pytest.raises(UnknownField) as refused:
            _ask(site, part, [name] if part == "fields" else name)
        assert refused.value.message == f"Field not permitted in query: {name}"
    with pytest.raises(UnknownField, match="not permitted in query"):
        site.query("Item", filters=[[name, "=", "x"]])


@pytest.mark.parametrize("name", ["party.name", "items.item_code.item_name", "item_group.parent_item_group.name"])
def test_paths_of_another_kind_are_refused(site: QuerySite, name: str) -> None:
    with pytest.raises(UnknownField):
        site.query("Item" if name.startswith(("party", "item_group")) else "Sales Order", fields=[name])


@pytest.mark.parametrize(
    "asked",
    [
        {"order_by": "name sideways"},
        {"order_by": "name desc nulls last"},
        {"order_by": ["name"]},
        {"order_by": "count(name) desc"},
        {"fields": ["upper(name) as n"]},
        {"fields": ["sum(item_name) as n"]},
        {"fields": ["count(*) as n"], "group_by": "n"},
        {"fields": [{"SUM": "stock", "AVG": "stock"}]},
        {"fields": [{"SUM": 1}]},
        {"fields": [["name"]]},
        {"fields": 5},
        {"fields": ["name as " + "x" * 300]},
        {"fields": ["name"] * 501},
        {"fields": ["sum(*) as n"]},
        {"fields": ["item_name"], "group_by": "item_group", "distinct": True},
    ],
)
def test_what_cannot_be_shown_is_refused(site: QuerySite, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery):
        site.query("Item", **asked)


def test_malformed_json_is_told_apart(site: QuerySite) -> None:
    with pytest.raises(MalformedJson):
        site.query("Item", fields='["name"')


def test_a_single_has_no_list(site: QuerySite) -> None:
    with pytest.raises(InvalidQuery, match="single document"):
        site.query("Site Settings")


def test_a_secret_is_only_told_to_be_there(site: QuerySite) -> None:
    found = site.dicts("Item", fields=["name", "api_secret"], order_by="name desc", limit=3)
    assert [row["api_secret"] for row in found] == [None, None, "********"]
    assert "ciphertext" not in str(site.dicts("Item", fields=["*"], limit=0))


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": {"api_secret": "ciphertext"}},
        {"filters": [["api_secret", "like", "c%"]]},
        {"order_by": "api_secret"},
        {"fields": ["api_secret"], "group_by": "api_secret"},
        {"fields": ["api_secret"], "distinct": True},
        {"fields": ["max(api_secret) as x"]},
    ],
)
def test_a_secret_cannot_be_guessed_by_asking(site: QuerySite, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidQuery, match="kept encrypted"):
        site.query("Item", **asked)


def _no_margins(doctype: DocType, asked: Field) -> bool:
    return asked.permlevel == 0


def test_a_field_that_may_not_be_read_is_left_out_of_a_star(site: QuerySite) -> None:
    allowed = site.dicts("Item", fields=["*"], limit=1)[0]
    confined = site.dicts("Item", fields=["*"], limit=1, readable=_no_margins)[0]
    assert set(allowed) - set(confined) == {"margin"}


@pytest.mark.parametrize(
    "asked",
    [
        {"fields": ["margin"]},
        {"fields": ["max(margin) as m"]},
        {"filters": {"margin": [">", 0.1]}},
        {"order_by": "margin"},
        {"fields": ["item_group.margin"]},
        {"filters": [["item_group.margin", ">", 0.1]]},
    ],
)
def test_a_field_that_may_not_be_read_is_unknown(site: QuerySite, asked: dict[str, Any]) -> None:
    site.query("Item", **asked)  # kept for others, and asked again for this one
    with pytest.raises(UnknownField):
        site.query("Item", readable=_no_margins, **asked)


def test_other_doctypes_are_read_by_permission_only(site: QuerySite) -> None:
    def only_items(doctype: DocType, asked: Field) -> bool:
        return doctype.name == "Item"

    site.query("Item", fields=["item_group.is_group"])
    with pytest.raises(UnknownField):
        site.query("Item", fields=["item_group.is_group"], readable=only_items)
    assert site.query("Item", fields=["item_group"], readable=only_items).selection.names == ("item_group",)


def test_equal_requests_share_their_selection(site: QuerySite) -> None:
    first = site.query("Item", fields='["name", "item_group.is_group"]', order_by="modified desc")
    second = site.query("Item", fields='["name", "item_group.is_group"]', order_by="modified desc")
    assert first.selection is second.selection


def test_a_changed_doctype_is_seen_at_once(tmp_path: Path) -> None:
    with trading_site(tmp_path / "site.db") as site:
        before = site.query("Item", fields=["item_group.is_group"]).selection
        more = field("colour", "Data")
        site.registry.register(parse_doctype({**ITEM_GROUP, "fields": [*ITEM_GROUP["fields"], more]}, app="test"))  # type: ignore[misc]
        assert site.query("Item", fields=["item_group.is_group"]).selection is not before
        assert site.query("Item", fields=["item_group.colour"]).selection.names == ("colour",)
        site.registry.remove("Item Group")
        with pytest.raises(UnknownField):
            site.query("Item", fields=["item_group.is_group"])
