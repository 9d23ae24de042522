"""How a query runs: statements kept by shape, values in two forms, counts, three databases."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from demitasse.documents.query_run import compile_query, run_query, run_query_wire
from tests.unit.documents.query_site import QuerySite, trading_site

FIELDS = ["valid_on", "seen_at", "opens_at", "standard_rate", "disabled", "api_secret"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuerySite]:
    with trading_site(tmp_path_factory.mktemp("query") / "site.db") as found:
        yield found


def test_kept_values_are_pythons(site: QuerySite) -> None:
    (found,) = site.found(site.query("Item", fields=FIELDS, filters={"name": "CONE"})).as_dicts()
    assert found == {
        "valid_on": date(2026, 3, 18),
        "seen_at": datetime(2026, 3, 17, 20, 30, tzinfo=UTC),
        "opens_at": timedelta(hours=9, minutes=30),
        "standard_rate": 2.5,
        "disabled": 0,
        "api_secret": "********",
    }


@pytest.mark.parametrize(
    ("zone", "seen_at"),
    [
        (UTC, "2026-03-17 20:30:00.000000"),
        (ZoneInfo("UTC"), "2026-03-17 20:30:00.000000"),
        (ZoneInfo("Asia/Kolkata"), "2026-03-18 02:00:00.000000"),
        (ZoneInfo("America/New_York"), "2026-03-17 16:30:00.000000"),
    ],
)
def test_shown_values_are_text_in_the_sites_zone(site: QuerySite, zone: ZoneInfo, seen_at: str) -> None:
    (found,) = site.dicts("Item", fields=FIELDS, filters={"name": "CONE"}, zone=zone)
    assert found == {
        "valid_on": "2026-03-18",
        "seen_at": seen_at,
        "opens_at": "9:30:00",
        "standard_rate": 2.5,
        "disabled": 0,
        "api_secret": "********",
    }


def test_empty_values_are_none_in_both_forms(site: QuerySite) -> None:
    query = site.query("Item", fields=FIELDS, filters={"name": "BLANK"})
    with site.reading() as tx:
        assert run_query(tx, query).rows == [(None, None, None, 0.0, 0, None)]
        assert run_query_wire(tx, query, zone=ZoneInfo("Asia/Kolkata")).rows == [(None, None, None, 0.0, 0, None)]


def test_a_count_knows_neither_fields_nor_limits(site: QuerySite) -> None:
    assert site.count("Item", limit=1, limit_start=2, fields=["item_group"], group_by="item_group") == 4
    assert site.count("Sales Order", fields=["items.qty"], filters=[["items.qty", ">", 1]]) == 2
    assert site.count("Item", filters=[["item_group.parent_item_group", "=", "All"]]) == 2


def test_a_count_can_stop_early(site: QuerySite) -> None:
    counted = [site.count("Item", most=most, filters={"item_group": ["!=", "nothing"]}) for most in (1, 3, 99, None)]
    assert counted == [1, 3, 4, 4]


def test_queries_of_one_shape_share_their_statement(site: QuerySite) -> None:
    def compiled(**asked: Any) -> Any:
        return compile_query(site.query("Item", **asked), dialect="sqlite")

    first = compiled(filters={"stock": [">", 5], "name": ["in", ["a", "b", "c"]]}, limit=5)
    second = compiled(filters={"stock": [">", 6], "name": ["in", ["d", "e", "f", "g"]]}, limit=7)
    assert first.plan is second.plan
    assert (first.parameters, second.parameters) == (
        (5, "a", "b", "c", "c", 5, 0),
        (6, "d", "e", "f", "g", 7, 0),
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"filters": {"stock": [">", 5]}, "limit": 0},
        {"filters": {"stock": [">", 5]}, "limit_start": 1},
        {"filters": {"stock": ["<", 5]}},
        {"filters": {"standard_rate": [">", 5]}},
        {"filters": {"name": ["in", ["a"]]}},
        {"or_filters": [["stock", ">", 5], ["stock", ">", 6]]},
        {"filters": [["stock", ">", 5], ["stock", ">", 6]]},
        {"filters": {"stock": [">", 5]}, "order_by": "name"},
        {"filters": {"stock": [">", 5]}, "fields": ["stock"]},
    ],
)
def test_queries_of_other_shapes_do_not(site: QuerySite, asked: dict[str, Any]) -> None:
    plain = compile_query(site.query("Item", filters={"stock": [">", 5]}), dialect="sqlite")
    assert compile_query(site.query("Item", **asked), dialect="sqlite").plan is not plain.plan


def test_where_and_restriction_are_told_apart(site: QuerySite) -> None:
    query = site.query("Sales Order", filters=[["items.qty", "=", 2], ["items.qty", "=", 7]])
    where = query.where
    apart = site.query("Sales Order", filters=[["items.qty", "=", 2]]).restricted(
        site.query("Sales Order", filters=[["items.qty", "=", 7]]).where
    )
    assert where is not None
    assert site.found(query).rows == []
    assert site.found(apart).rows == [("SO-1",)]


QUERIES: list[dict[str, Any]] = [
    {"fields": ["*"], "limit_start": 3},
    {"fields": ["*"], "limit_start": 3, "limit": 0},
    {"fields": ["item_group", "count(name) as n", "avg(stock) as a"], "group_by": "item_group", "order_by": "n desc"},
    {"fields": ["item_group.parent_item_group as pg", "name"], "order_by": "pg desc, valid_on"},
    {"filters": [["item_group", "descendants of", "All"], ["item_group", "not ancestors of", "Ice"]]},
    {"filters": [["name", "like", "50%!_"], ["stock", "not like", "5%"], ["seen_at", "between", ["2026-01-01"] * 2]]},
    {"filters": [["name", "not in", ["a", "b", "c"]], ["stock", "in", []], ["opens_at", ">", "9:30"]]},
    {"fields": ["customer"], "distinct": True, "doctype": "Sales Order"},
    {"filters": [["items.qty", ">", 6], ["items.item_code", "!=", "x"]], "doctype": "Sales Order"},
    {"filters": [["items.item_code", "!=", "x"], "or", ["customer", "is", "set"]], "doctype": "Sales Order"},
    {"fields": ["items.qty", "name"], "filters": [["items.item_code", "!=", "x"]], "doctype": "Sales Order"},
]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql", "mariadb"])
@pytest.mark.parametrize("asked", QUERIES)
def test_statements_have_the_same_form_for_every_database(site: QuerySite, dialect: str, asked: dict[str, Any]) -> None:
    doctype = asked.get("doctype", "Item")
    query = site.query(doctype, **{key: value for key, value in asked.items() if key != "doctype"})
    compiled = compile_query(query, dialect=dialect)
    assert compiled.sql.count("?") == len(compiled.parameters)
    assert not {"`", "%", ";", "--", "'50"} & set(compiled.sql)
    for table in ("tabItem", "tabSales Order"):
        assert compiled.sql.count(table) == compiled.sql.count(f'"{table}')


@pytest.mark.parametrize(("dialect", "pattern"), [("sqlite", "50%!"), ("postgresql", "50%!!"), ("mariadb", "50%!!")])
def test_patterns_have_no_escapes_of_their_own(site: QuerySite, dialect: str, pattern: str) -> None:
    compiled = compile_query(site.query("Item", filters={"name": ["like", "50%!"]}), dialect=dialect)
    assert compiled.parameters[0] == pattern


@pytest.mark.parametrize(
    ("dialect", "moment", "day"),
    [
        ("sqlite", "2026-03-18 00:00:00.000000", "2026-03-18"),
        ("postgresql", datetime(2026, 3, 18), date(2026, 3, 18)),  # noqa: DTZ001 - as a server's column holds it
        ("mariadb", datetime(2026, 3, 18), date(2026, 3, 18)),  # noqa: DTZ001 - as above
    ],
)
def test_values_are_sent_as_columns_hold_them(site: QuerySite, dialect: str, moment: Any, day: Any) -> None:
    query = site.query("Item", filters=[["seen_at", ">", "2026-03-18"], ["valid_on", "=", "2026-03-18"]])
    assert compile_query(query, dialect=dialect).parameters[:2] == (moment, day)


def test_empty_values_come_first_on_postgresql_too(site: QuerySite) -> None:
    query = site.query("Item", order_by="valid_on, item_group desc")
    assert '"valid_on" ASC NULLS FIRST' in compile_query(query, dialect="postgresql").sql
    assert '"item_group" DESC NULLS LAST' in compile_query(query, dialect="postgresql").sql
    assert "NULLS" not in compile_query(site.query("Item"), dialect="postgresql").sql
