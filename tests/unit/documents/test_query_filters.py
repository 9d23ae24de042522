"""Which rows a list has: filters in all their forms."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demitasse.doctypes.parse import parse_doctype
from demitasse.documents.query_errors import InvalidFilterValue, InvalidQuery, UnknownField
from demitasse.documents.query_names import vocabulary_of
from demitasse.documents.query_parse import parse_expression
from demitasse.kernel.json import MalformedJson
from tests.unit.documents.query_site import NOW, QuerySite, trading_site

KOLKATA = ZoneInfo("Asia/Kolkata")
ALL = ["BLANK", "CONE", "MANGO", "VISIT"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuerySite]:
    with trading_site(tmp_path_factory.mktemp("query") / "site.db") as found:
        found.put("Note Row", *({"name": f"BULK-{number:02}", "parent": "BULK"} for number in range(25)))
        yield found


@pytest.mark.parametrize(
    "filters",
    [
        {"item_group": "Products"},
        {"item_group": ["=", "Products"]},
        {"`tabItem`.`item_group`": "Products"},
        '{"item_group": "Products"}',
        [["item_group", "=", "Products"]],
        '[["item_group", "=", "Products"]]',
        (("item_group", "=", "Products"),),
        ["item_group", "=", "Products"],
        ["Item", "item_group", "=", "Products"],
        [["Item", "item_group", "=", "Products"]],
        [["Item", "item_group", "=", "Products", False]],
        [["Item", "`tabItem`.item_group", "=", "Products"]],
        [["", "item_group", "=", "Products"]],
        [[None, "item_group", "=", "Products"]],
        [{"item_group": "Products"}],
        {"item_group": ["IN", ["Products"]]},
        {"item_group": ["in", "Products, Nothing"]},
        [["item_group", "=", ["Products"]]],
        {"doc_event": "on_update"},
    ],
)
def test_one_condition_has_many_forms(site: QuerySite, filters: Any) -> None:
    assert site.names("Item", filters=filters) == ["CONE"]


@pytest.mark.parametrize("filters", [None, "", "  ", [], {}, "[]", "{}", "null"])
def test_no_filters_find_everything(site: QuerySite, filters: Any) -> None:
    assert site.names("Item", filters=filters) == ALL
    assert site.names("Item", or_filters=filters) == ALL


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("item_group", "!=", "Products", ["BLANK", "MANGO", "VISIT"]),
        ("item_group", "not in", ["Products", "Ice"], ["BLANK", "VISIT"]),
        ("item_group", "not in", ["Products", ""], ["MANGO", "VISIT"]),
        ("item_group", "in", ["Products", ""], ["BLANK", "CONE"]),
        ("item_group", "in", ["", None], ["BLANK"]),
        ("item_group", "not in", [None], ["CONE", "MANGO", "VISIT"]),
        ("item_group", "in", [], []),
        ("item_group", "not in", [], ALL),
        ("item_group", "in", {"Ice"}, ["MANGO"]),
        ("item_group", "!=", ["Ice", "Services"], ["BLANK", "CONE"]),
        ("item_group", "=", "", ["BLANK"]),
        ("item_group", "=", None, ["BLANK"]),
        ("item_group", "is", "not set", ["BLANK"]),
        ("item_group", "is", "Not  Set", ["BLANK"]),
        ("item_group", "!=", "", ["CONE", "MANGO", "VISIT"]),
        ("item_group", "!=", None, ["CONE", "MANGO", "VISIT"]),
        ("item_group", "is", "set", ["CONE", "MANGO", "VISIT"]),
        ("item_group", "<", "Q", ["CONE", "MANGO"]),
        ("item_group", ">", "", ["CONE", "MANGO", "VISIT"]),
        ("item_group", "between", ["Ice", "Products"], ["CONE", "MANGO"]),
        ("item_name", "like", "%CONE", ["CONE"]),
        ("item_name", "like", "_isit", ["VISIT"]),
        ("item_name", "like", "%", ["CONE", "MANGO", "VISIT"]),
        ("item_name", "not like", "%o%", ["BLANK", "VISIT"]),
        ("item_name", "not like", "%", ["BLANK"]),
        ("name", "=", "cone", []),
        ("name", "!=", "CONE", ["BLANK", "MANGO", "VISIT"]),
        ("name", "Not  In", "CONE,MANGO", ["BLANK", "VISIT"]),
        ("stock", "=", 0, ["BLANK", "MANGO"]),
        ("stock", "=", "", ["BLANK", "MANGO"]),
        ("stock", "=", None, ["BLANK", "MANGO"]),
        ("stock", "is", "set", ["CONE", "VISIT"]),
        ("stock", "!=", "40", ["BLANK", "MANGO", "VISIT"]),
        ("stock", ">", 6.5, ["CONE", "VISIT"]),
        ("stock", "<", 6.5, ["BLANK", "MANGO"]),
        ("stock", "=", 7.5, []),
        ("stock", ">", "", ["CONE", "VISIT"]),
        ("stock", "in", "7,40", ["CONE", "VISIT"]),
        ("stock", "like", "4%", ["CONE"]),
        ("standard_rate", "between", [2.5, "4"], ["CONE", "MANGO"]),
        ("standard_rate", "between", "2,3", ["CONE"]),
        ("standard_rate", "=", Decimal("99.9"), ["VISIT"]),
        ("disabled", "=", "true", ["MANGO"]),
        ("disabled", "=", True, ["MANGO"]),
        ("disabled", "=", "False", ["BLANK", "CONE", "VISIT"]),
        ("disabled", ">", -1, ALL),
        ("disabled", "=", "1", ["MANGO"]),
        ("valid_on", "=", "2026-03-18", ["CONE"]),
        ("valid_on", "=", date(2026, 3, 18), ["CONE"]),
        ("valid_on", "=", "2026-03-18 10:00:00", ["CONE"]),
        ("valid_on", "!=", "2026-03-18", ["BLANK", "MANGO", "VISIT"]),
        ("valid_on", "<=", "2026-03-18", ["CONE", "MANGO"]),
        ("valid_on", "like", "2026-02%", ["MANGO"]),
        ("valid_on", "Timespan", "last month", ["MANGO"]),
        ("valid_on", "timespan", "this week", ["CONE"]),
        ("valid_on", "=", "", ["BLANK", "VISIT"]),
        ("valid_on", "in", ["2026-02-28", ""], ["BLANK", "MANGO", "VISIT"]),
        ("opens_at", "=", "9:30", ["CONE"]),
        ("opens_at", ">", time(9, 29, 59), ["CONE"]),
        ("opens_at", "between", ["09:00", timedelta(hours=10)], ["CONE"]),
        ("item_group.parent_item_group", "=", "All", ["CONE", "VISIT"]),
        ("item_group.parent_item_group", "!=", "All", ["BLANK", "MANGO"]),
        ("item_group.is_group", "=", 0, ["MANGO", "VISIT"]),
        ("item_group.is_group", "is", "not set", ["BLANK", "MANGO", "VISIT"]),
        ("item_group.is_group", "!=", 1, ["BLANK", "MANGO", "VISIT"]),
    ],
)
def test_operators_compare_as_frappes_do(
    site: QuerySite, field: str, operator: str, value: Any, expected: list[str]
) -> None:
    assert site.names("Item", filters=[[field, operator, value]]) == expected
    assert site.names("Item", filters={field: [operator, value]}) == expected
    assert site.count("Item", filters=[[field, operator, value]]) == len(expected)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("=", "2026-03-18", ["CONE", "MANGO"]),
        ("=", "2026-03-17", []),
        ("!=", "2026-03-18", ["BLANK", "VISIT"]),
        ("=", "2026-03-18 05:30:00", ["MANGO"]),
        ("=", "2026-03-18T00:00:00Z", ["MANGO"]),
        ("=", datetime(2026, 3, 18, 5, 30), ["MANGO"]),  # noqa: DTZ001 - as apps write it: site time
        ("=", datetime(2026, 3, 18, tzinfo=UTC), ["MANGO"]),
        (">", "2026-03-18", ["CONE", "MANGO"]),
        ("<", "2026-03-18 02:00:00", []),
        ("<=", "2026-03-18 02:00:00", ["CONE"]),
        ("between", ["2026-03-18", "2026-03-18"], ["CONE", "MANGO"]),
        ("between", ["2026-03-18 02:00:00", "2026-03-18 03:00:00"], ["CONE"]),
        ("between", [date(2026, 3, 1), date(2026, 3, 17)], []),
        ("timespan", "today", ["CONE", "MANGO"]),
        ("timespan", "yesterday", []),
        ("like", "2026-03-18%", ["CONE", "MANGO"]),
        ("like", "%2026-03%", ["CONE", "MANGO"]),
        ("like", "2026%", ["CONE", "MANGO"]),
        ("like", "2025%", []),
        ("like", "%", ["CONE", "MANGO"]),
        ("not like", "2026-03-18%", ["BLANK", "VISIT"]),
        ("not like", "%%", ["BLANK", "VISIT"]),
        ("is", "not set", ["BLANK", "VISIT"]),
    ],
)
def test_days_are_those_of_the_site(site: QuerySite, operator: str, value: Any, expected: list[str]) -> None:
    # The cone was seen at 02:00 and the mango at 05:30 of 18 March, in Kolkata.
    assert site.names("Item", zone=KOLKATA, filters=[["seen_at", operator, value]]) == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([["Sales Order Item", "qty", ">", 6]], ["SO-1", "SO-2"]),
        ([["items.qty", ">", 6]], ["SO-1", "SO-2"]),
        ({"items.qty": [">", 6]}, ["SO-1", "SO-2"]),
        ([["items.item_code", "=", "CONE"]], ["SO-1", "SO-2"]),
        ([["items.item_code", "=", "CONE"], ["items.qty", ">", 6]], ["SO-2"]),
        ([["items.item_code", "=", "CONE"], ["customer", "=", "Acme"]], ["SO-1"]),
        ([["items.item_code", "!=", "CONE"]], ["SO-1", "SO-3", "SO-4"]),
        ([["items.item_code", "is", "not set"]], ["SO-3", "SO-4"]),
        ([["items.item_code", "is", "set"]], ["SO-1", "SO-2"]),
        ([["items.warehouse", "not in", ["Main"]]], ["SO-1", "SO-3", "SO-4"]),
        ([["items.qty", "=", 9], "or", ["customer", "=", "Acme"]], ["SO-1", "SO-2", "SO-3"]),
        ([["items.item_code", "=", "MANGO"], "or", ["items.qty", "=", 9]], ["SO-1", "SO-2"]),
    ],
)
def test_filters_on_a_child_table_find_each_parent_once(site: QuerySite, filters: Any, expected: list[str]) -> None:
    assert site.names("Sales Order", filters=filters) == expected
    assert site.count("Sales Order", filters=filters) == len(expected)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("descendants of", "Products", ["MANGO"]),
        ("descendants of", "All", ["CONE", "MANGO", "VISIT"]),
        ("descendants of (inclusive)", "Products", ["CONE", "MANGO"]),
        ("not descendants of", "Products", ["BLANK", "CONE", "VISIT"]),
        ("ancestors of", "Ice", ["CONE"]),
        ("not ancestors of", "Ice", ["BLANK", "MANGO", "VISIT"]),
        ("descendants of", "Nowhere", []),
    ],
)
def test_trees_are_followed_up_and_down(site: QuerySite, operator: str, value: str, expected: list[str]) -> None:
    assert site.names("Item", filters=[["item_group", operator, value]]) == expected


def test_a_tree_is_asked_by_its_own_names(site: QuerySite) -> None:
    assert site.names("Item Group", filters=[["name", "descendants of", "Products"]]) == ["Ice"]
    assert site.names("Item Group", filters=[["name", "ancestors of", "Ice"]]) == ["All", "Products"]


def test_a_circle_in_a_tree_ends(site: QuerySite) -> None:
    site.put("Item Group", {"name": "Hen", "parent_item_group": "Egg"}, {"name": "Egg", "parent_item_group": "Hen"})
    assert site.names("Item Group", filters=[["name", "descendants of", "Hen"]]) == ["Egg", "Hen"]


def test_or_filters_add_to_filters(site: QuerySite) -> None:
    either = [["standard_rate", ">", 50], ["stock", "=", 40]]
    assert site.names("Item", or_filters=either) == ["CONE", "VISIT"]
    assert site.names("Item", or_filters={"standard_rate": [">", 50], "stock": 40}) == ["CONE", "VISIT"]
    assert site.names("Item", filters={"item_group": "Services"}, or_filters=either) == ["VISIT"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([["stock", "=", 7], "or", ["stock", "=", 40]], ["CONE", "VISIT"]),
        ([["stock", ">", 1], "AND", ["stock", "<", 20]], ["VISIT"]),
        ([[["stock", "=", 7], "or", ["stock", "=", 40]], "and", ["item_group", "=", "Products"]], ["CONE"]),
        ([[["stock", "=", 7]], [["item_group", "=", "Services"]]], ["VISIT"]),
        ([["disabled", "=", 1], "or", [["stock", ">", 5], "and", ["standard_rate", ">", 50]]], ["MANGO", "VISIT"]),
    ],
)
def test_filters_nest(site: QuerySite, filters: Any, expected: list[str]) -> None:
    assert site.names("Item", filters=filters) == expected


def test_a_restriction_confines_whatever_is_asked(site: QuerySite) -> None:
    doctype = site.doctype("Item")
    own = parse_expression(doctype, {"item_group": "Ice"}, registry=site.registry, zone=UTC, now=NOW)
    query = site.query("Item", or_filters=[["stock", "=", 40], ["disabled", "=", 1]]).restricted(own)
    assert [row[0] for row in site.found(query).rows] == ["MANGO"]
    cheap = parse_expression(doctype, {"standard_rate": ["<", 1]}, registry=site.registry, zone=UTC, now=NOW)
    assert site.found(query.restricted(cheap)).rows == []
    assert site.found(site.query("Item").restricted(None)).rows == site.rows("Item")


def test_a_restriction_outlives_what_is_kept_for_its_doctype(site: QuerySite) -> None:
    doctype = site.doctype("Item")
    filters = [["item_group", "=", "Ice"], ["item_group.is_group", "=", 0]]
    own = parse_expression(doctype, filters, registry=site.registry, zone=UTC, now=NOW)
    others = [parse_doctype({"name": f"Other {number}"}, app="test") for number in range(600)]
    assert all(vocabulary_of(other).doctype is other for other in others)
    assert [row[0] for row in site.found(site.query("Item").restricted(own)).rows] == ["MANGO"]


def test_a_restriction_confines_its_own_doctype_only(site: QuerySite) -> None:
    own = parse_expression(site.doctype("Item"), {"owner": "x"}, registry=site.registry, zone=UTC, now=NOW)
    with pytest.raises(ValueError, match="cannot confine"):
        site.found(site.query("Sales Order").restricted(own))


def test_a_restriction_on_a_child_table_may_be_met_by_another_row(site: QuerySite) -> None:
    doctype = site.doctype("Sales Order")
    expression = parse_expression(doctype, {"items.qty": 7}, registry=site.registry, zone=UTC, now=NOW)
    query = site.query("Sales Order", filters=[["items.qty", "=", 2]]).restricted(expression)
    assert [row[0] for row in site.found(query).rows] == ["SO-1"]


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("standard_rate", "=", "cheap"),
        ("standard_rate", ">", "nan"),
        ("standard_rate", ">", float("inf")),
        ("standard_rate", "=", {"a": 1}),
        ("stock", "=", "abc"),
        ("stock", "=", 2**63),
        ("stock", "in", ["1", "x"]),
        ("disabled", "=", "maybe"),
        ("valid_on", "=", "31-31-2025"),
        ("valid_on", ">", ""),
        ("valid_on", ">", None),
        ("valid_on", "between", ["2026-01-01"]),
        ("valid_on", "between", ["2026-01-01", ""]),
        ("valid_on", "between", None),
        ("valid_on", "timespan", "last fortnight"),
        ("valid_on", "timespan", 5),
        ("seen_at", "=", "soon"),
        ("seen_at", "like", "%:30:%"),
        ("seen_at", "like", "2026-13%"),
        ("seen_at", "between", ["0001-01-01", "9999-12-31"]),
        ("opens_at", "=", "25:00"),
        ("item_name", "is", "empty"),
        ("item_name", "=", {"a": 1}),
        ("item_name", "=", "a\0b"),
        ("item_name", "=", "\ud800"),
        ("item_name", ">", None),
        ("item_name", "in", 5),
        ("item_name", "in", {"a": 1}),
        ("item_name", "in", ["x"] * 10_001),
    ],
)
def test_a_value_that_does_not_fit_is_refused(site: QuerySite, field: str, operator: str, value: Any) -> None:
    with pytest.raises(InvalidFilterValue) as refused:
        site.names("Item", filters=[[field, operator, value]])
    assert refused.value.data["field"] == field


@pytest.mark.parametrize(
    "filters",
    [
        "17",
        '"ITEM-00001"',
        5,
        [5],
        [[5, "name", "=", 1]],
        [[]],
        [["name"]],
        [["name", "CONE"]],
        [["a", "b", "c", "d", "e", "f"]],
        ["name", "=", "x", "y", "z", "more"],
        {"name": ["a", "b", "c"]},
        {"name": ["CONE", "MANGO"]},
        [["name", "resembles", "x"]],
        [["name", 5, "x"]],
        [["name", None, "x"]],
        [["name", "=", "x"], "xor", ["name", "=", "y"]],
        [["name", "=", "x"], "or"],
        [["name", "=", "x"], "or", ["name", "=", "y"], "and", ["name", "=", "z"]],
        [["name", "=", "x"], "or", ["name", "=", "y"], ["name", "=", "z"], ["name", "=", "z"]],
        [["item_name", "descendants of", "x"]],
        [["valid_on", "descendants of", "x"]],
        [["stock", "timespan", "today"]],
        [["item_name", "like", "%" * 10_001]],
        [["name", "=", "x"]] * 501,
        [[["name", "=", "x"]] * 300] * 2,
        [[[[[[[[[[[[[["name", "=", "x"]]]]]]]]]]]]]],
    ],
)
def test_what_is_no_filter_is_refused(site: QuerySite, filters: Any) -> None:
    with pytest.raises(InvalidQuery):
        site.names("Item", filters=filters)


@pytest.mark.parametrize(
    "filters",
    [
        [["Sales Order", "name", "=", "x"]],
        [["Item Group", "is_group", "=", 1]],
        [["Item", 5, "=", 1]],
        [["Item", "tabSales Order.name", "=", 1]],
        {5: 1},
        {None: 1},
    ],
)
def test_fields_of_unrelated_doctypes_are_unknown(site: QuerySite, filters: Any) -> None:
    with pytest.raises(UnknownField):
        site.names("Item", filters=filters)


@pytest.mark.parametrize("filters", ['[["name","=","x"', "name = 1", "{name: 1}", "CONE"])
def test_filters_that_are_no_json_are_malformed(site: QuerySite, filters: str) -> None:
    with pytest.raises(MalformedJson):
        site.names("Item", filters=filters)


def test_too_many_conditions_are_refused_before_the_database_sees_them(site: QuerySite) -> None:
    days = [["seen_at", "=", "2026-03-18"]] * 500
    with pytest.raises(InvalidQuery, match="too many"):
        site.names("Item", filters=days, or_filters=days)
    assert site.names("Item", filters=[["name", "!=", "x"]] * 400) == ALL
    wide = [["name", "in", [str(number) for number in range(10_000)]]]
    assert site.names("Item", filters=wide) == []
    with pytest.raises(InvalidQuery, match="too many"):
        site.names("Item", filters=wide * 2)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, 20), ("", 20), (20, 20), ("3", 3), (3.0, 3), ("3.9", 3), (0, 25), ("00", 25), ("abc", 25), (100, 25)],
)
def test_limits_are_read_as_frappe_reads_them(site: QuerySite, limit: Any, expected: int) -> None:
    assert len(site.rows("Note Row", filters={"parent": "BULK"}, limit=limit)) == expected


@pytest.mark.parametrize(("start", "expected"), [(None, 25), ("", 25), ("20", 5), (24, 1), (100_000, 0)])
def test_a_list_starts_where_it_is_told(site: QuerySite, start: Any, expected: int) -> None:
    assert len(site.rows("Note Row", filters={"parent": "BULK"}, limit_start=start, limit=0)) == expected
    assert len(site.rows("Note Row", filters={"parent": "BULK"}, limit_start=start, limit=3)) == min(expected, 3)


@pytest.mark.parametrize("part", ["limit", "limit_start"])
@pytest.mark.parametrize("value", [-1, "-2", "-0.5e3", 2**31])
def test_numbers_of_rows_that_cannot_be_are_refused(site: QuerySite, part: str, value: Any) -> None:
    with pytest.raises(InvalidQuery, match="must be between"):
        site.query("Item", **{part: value})
