"""Any filter finds the rows that a predicate in Python finds; no text of a caller reaches the SQL."""

import operator
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.query_run import compile_query
from demitasse.kernel import json
from demitasse.kernel.json import MalformedJson
from tests.unit.documents.query_site import QuerySite, trading_site

Row = dict[str, Any]
ZONES: tuple[tzinfo, ...] = (UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York"))
WORDS = (
    "",
    "a",
    "A",
    "b",
    "ab",
    "aB",
    "ba",
    "b%",
    "_",
    "é",
    "É",
    "ß",
    "日本",
    "😀",
    "a b",
    "100%",
    "'",
    '"',
    "\\",
    "!",
    "0",
    "10",
)
NUMBERS = (0, 1, 2, -1, 7, 40, 2**40)
RATES = (0.0, 0.5, 1.0, -2.25, 1e12, 40.0)
DAYS = tuple(date(2026, 3, 1) + timedelta(days=days) for days in (0, 1, 7, 16, 17, 31, 300))
MOMENTS = tuple(
    datetime(2026, 3, 17, tzinfo=UTC) + timedelta(hours=hours, microseconds=micros)
    for hours, micros in ((0, 0), (4, 0), (5, 0), (18, 30), (19, 0), (24, 0), (28, 0), (48, 1))
)
POOLS: dict[str, tuple[Any, ...]] = {
    "item_name": WORDS,
    "stock": NUMBERS,
    "standard_rate": RATES,
    "disabled": (0, 1),
    "valid_on": (None, *DAYS),
    "seen_at": (None, *MOMENTS),
}
COMPARED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _at(field: str, number: int) -> Any:
    return POOLS[field][number % len(POOLS[field])]


def _data() -> list[Row]:
    """Return rows in which every value of each pool stands beside many of the others."""
    rows = []
    for number in range(70):
        row: Row = {"name": f"ROW-{number:02}"}
        for step, field in enumerate(POOLS, start=1):
            value = _at(field, number * step + number // 7)
            row[field] = None if value == "" else value
        rows.append(row)
    return rows


DATA = _data()
CHILD_ROWS: list[list[tuple[str | None, float]]] = [
    [],
    [("a", 1)],
    [("a", 1), ("b", 2)],
    [(None, 0)],
    [("b", 1), (None, 2)],
    [("a", 2), ("a", 1), ("c", 9)],
]
CHILDREN: dict[str, list[Row]] = {
    f"SO-{number}": [{"item_code": code, "qty": qty} for code, qty in rows]
    for number, rows in enumerate(CHILD_ROWS, start=10)
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuerySite]:
    with trading_site(tmp_path_factory.mktemp("query") / "site.db") as found:
        tx = found.database.write()
        for table in ("tabItem", "tabSales Order", "tabSales Order Item"):
            tx.run(f'DELETE FROM "{table}"')
        tx.commit()
        found.put("Item", *DATA)
        for name, rows in CHILDREN.items():
            found.put_order(name, *rows)
        yield found


def _like(pattern: str, value: str) -> bool:
    """Return whether a value fits; only the letters of ASCII are the same in both cases."""
    parts = (".*" if part == "%" else "." if part == "_" else re.escape(part) for part in _lower(pattern))
    return re.fullmatch("".join(parts), _lower(value), re.DOTALL) is not None


def _lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", 0)


def holds(value: Any, sign: str, wanted: Any, zone: tzinfo) -> bool:  # noqa: C901, PLR0911 - a table of operators
    """Return what an operator means; ``value`` is the kept one."""
    if sign.startswith("not ") and sign != "not set":
        return not holds(value, sign[4:], wanted, zone)
    if sign == "!=":
        return not holds(value, "=", wanted, zone)
    if sign == "is":
        return bool(_is_empty(value) == (wanted == "not set"))
    if sign == "=":
        if wanted in (None, ""):
            return _is_empty(value)
        if isinstance(value, datetime) and type(wanted) is date:
            return bool(_day(value, zone) == wanted)
        return bool(value == wanted)
    if sign == "in":
        return any(_is_empty(value) if part in (None, "") else bool(value == part) for part in wanted)
    if value is None:
        return False
    if sign == "like":
        return _like(wanted, value)
    if sign == "between":
        low, high = wanted
        if isinstance(value, datetime):
            return bool(_from(low, zone) <= value) and (
                _day(value, zone) <= high if type(high) is date else bool(value <= high)
            )
        return bool(low <= value <= high)
    return bool(COMPARED[sign](value, _from(wanted, zone) if isinstance(value, datetime) else wanted))


def _from(wanted: Any, zone: tzinfo) -> Any:
    return datetime(wanted.year, wanted.month, wanted.day, tzinfo=zone) if type(wanted) is date else wanted


def _written(value: Any, zone: tzinfo) -> Any:
    """Return a value as a request writes it: naive site time, text."""
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_written(part, zone) for part in value]
    return value


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Give a field, an operator and a value that suits them, most often one that is there."""
    field = draw(st.sampled_from(sorted(POOLS)))
    pool = [value for value in POOLS[field] if value is not None and value != ""]
    text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=4)
    other: dict[str, st.SearchStrategy[Any]] = {
        "item_name": text,
        "stock": st.integers(-50, 50) | st.floats(-50, 50),
        "standard_rate": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-50, 50),
        "disabled": st.integers(-2, 2),
        "valid_on": st.dates(date(2025, 1, 1), date(2027, 1, 1)),
        "seen_at": st.dates(date(2026, 3, 15), date(2026, 3, 20)),
    }
    value = st.sampled_from(pool) | other[field]
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "is", "in", "not in", "between", "like", "not like"]))
    if sign == "is":
        return field, sign, draw(st.sampled_from(["set", "not set"]))
    if sign in {"in", "not in"}:
        wanted = value.filter(lambda found: not (field == "seen_at" and type(found) is date))
        return field, sign, draw(st.lists(st.none() | wanted, max_size=5))
    if sign == "between":
        return field, sign, [draw(value), draw(value)]
    if sign in {"like", "not like"}:
        pattern = st.text(
            st.sampled_from("aAbBé%_1'\\!") | st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        )
        return "item_name", sign, draw(pattern.filter(bool))
    if sign in {"=", "!="}:
        return field, sign, draw(value | st.none() | st.just(""))
    return field, sign, draw(value)


@settings(max_examples=250)
@given(condition=conditions(), zone=st.sampled_from(ZONES))
@example(condition=("item_name", "like", "É"), zone=UTC)
@example(condition=("item_name", "like", "100!%"), zone=UTC)
@example(condition=("stock", "<", 0.5), zone=UTC)
def test_a_condition_finds_the_rows_that_it_describes(
    site: QuerySite, condition: tuple[str, str, Any], zone: tzinfo
) -> None:
    field, sign, wanted = condition
    expected = [row["name"] for row in DATA if holds(row[field], sign, wanted, zone)]
    filters = [[field, sign, _written(wanted, zone)]]
    assert site.names("Item", filters=filters, zone=zone) == expected
    assert site.names("Item", filters=json.encode(filters).decode(), zone=zone) == expected
    assert site.count("Item", filters=filters, zone=zone) == len(expected)


@settings(max_examples=150)
@given(both=st.lists(conditions(), max_size=4), either=st.lists(conditions(), min_size=1, max_size=3))
def test_filters_are_joined_by_and_and_or_filters_by_or(
    site: QuerySite, both: list[tuple[str, str, Any]], either: list[tuple[str, str, Any]]
) -> None:
    expected = [
        row["name"]
        for row in DATA
        if all(holds(row[field], sign, wanted, UTC) for field, sign, wanted in both)
        and any(holds(row[field], sign, wanted, UTC) for field, sign, wanted in either)
    ]
    filters = [[field, sign, _written(wanted, UTC)] for field, sign, wanted in both]
    or_filters = [[field, sign, _written(wanted, UTC)] for field, sign, wanted in either]
    assert site.names("Item", filters=filters, or_filters=or_filters) == expected
    nested: list[Any] = [filters, "and", [or_filters[0], *(part for one in or_filters[1:] for part in ("or", one))]]
    assert site.names("Item", filters=nested if filters else nested[2:]) == expected


CHILD_CONDITIONS = st.one_of(
    st.tuples(st.just("item_code"), st.sampled_from(["=", "!=", "<", ">="]), st.sampled_from(["a", "b", "c", "d"])),
    st.tuples(st.just("item_code"), st.sampled_from(["in", "not in"]), st.lists(st.sampled_from(["a", "b", None]))),
    st.tuples(st.just("item_code"), st.just("is"), st.sampled_from(["set", "not set"])),
    st.tuples(st.just("qty"), st.sampled_from(["=", "!=", "<", ">="]), st.sampled_from([0.0, 1.0, 2.0, 9.0])),
)
NO_ROW: list[Row] = [{"item_code": None, "qty": None}]
"""What a parent without child rows is joined to."""


@settings(max_examples=150)
@given(asked=st.lists(CHILD_CONDITIONS, min_size=1, max_size=3))
def test_filters_on_a_child_table_hold_for_one_of_its_rows(site: QuerySite, asked: list[tuple[str, str, Any]]) -> None:
    expected = [
        name
        for name, rows in CHILDREN.items()
        if any(all(holds(row[field], sign, wanted, UTC) for field, sign, wanted in asked) for row in rows or NO_ROW)
    ]
    filters = [["Sales Order Item", field, sign, wanted] for field, sign, wanted in asked]
    assert site.names("Sales Order", filters=filters) == expected
    shown = site.rows("Sales Order", fields=["name", "items.name"], filters=filters, limit=0)
    assert sorted({row[0] for row in shown}) == expected


HOSTILE = (
    "name",
    "tabItem",
    "`tabItem`.`name`",
    "items.qty",
    "'",
    '"',
    "`",
    ";",
    "--",
    "/*",
    "*/",
    "#",
    "1=1",
    " or ",
    " as ",
    ",",
    "(",
    ")",
    ".",
    "*",
    " desc",
    " asc",
    " union select ",
    "sleep(5)",
    "count(",
    "sum(stock)",
    "(select 1)",
    "load_extension('x')",
    "\\",
    "\0",
    "\n",
    "%",
    "?",
    ":v0",
    "$1",
)
INJECTIONS = st.lists(st.sampled_from(HOSTILE) | st.text(max_size=5), min_size=1, max_size=6).map("".join)
_WORDS_OF_SQL = re.compile(r'"(?:tab)?[A-Za-z_][A-Za-z0-9_ ]*"|[A-Za-z_][A-Za-z_0-9]*|[(),.=<>!?*\s0-9]+')
_KNOWN = {
    *("SELECT", "FROM", "WHERE", "ORDER", "BY", "GROUP", "LIMIT", "OFFSET", "ASC", "DESC", "NULLS", "FIRST", "LAST"),
    *("AND", "OR", "NOT", "IS", "NULL", "LIKE", "ILIKE", "ESCAPE", "IN", "AS", "LEFT", "OUTER", "JOIN", "ON", "lower"),
    *("CASE", "WHEN", "THEN", "END", "DISTINCT", "count", "sum", "avg", "min", "max"),
}


def _check_sql(site: QuerySite, sql: str) -> None:
    """Fail when a statement has a word that is neither SQL's nor a table's, a column's or one of our own names."""
    known = set(_KNOWN)
    for doctype in site.registry:
        known |= {f'"{doctype.table}"', *(f'"{column.name}"' for column in doctype.columns)}
    assert _WORDS_OF_SQL.sub("", sql) == ""
    for word in _WORDS_OF_SQL.findall(sql):
        is_ours = re.fullmatch(r"(t|anon_|count_|sum_|avg_|min_|max_|name_|tree_v|first_v|step_v)\d+|[a-z_]+_\d+", word)
        assert word in known or is_ours or not word.strip("(),.=<>!?*0123456789 \n"), word


@settings(max_examples=250)
@given(
    part=st.sampled_from(["fields", "fields_text", "order_by", "group_by", "filter", "operator", "doctype", "alias"]),
    text=INJECTIONS,
)
@example(part="order_by", text="name desc; drop table tabItem")
@example(part="order_by", text="(select name from tabUser) desc")
@example(part="order_by", text="name, (select sleep(5))")
@example(part="group_by", text="name having 1=1")
@example(part="fields", text="name, (select password from __Auth) as x")
@example(part="fields", text="count(name) filter (where 1=1) as n")
@example(part="fields", text="`tabItem`.`name` from tabItem --")
@example(part="alias", text='n", (select 1) as "x')
@example(part="alias", text="n` from tabUser #")
@example(part="filter", text='name" or 1=1 --')
@example(part="operator", text="= 1 or 1 =")
@example(part="doctype", text='Item" where 1=1 --')
def test_no_text_of_a_caller_reaches_the_sql(site: QuerySite, part: str, text: str) -> None:
    forms: dict[str, dict[str, Any]] = {
        "fields": {"fields": [text]},
        "fields_text": {"fields": text},
        "order_by": {"order_by": text},
        "group_by": {"group_by": text},
        "filter": {"filters": [[text, "=", "x"]]},
        "operator": {"filters": [["item_name", text, "x"]]},
        "doctype": {"filters": [[text, "item_name", "=", "x"]]},
        "alias": {"fields": [f"item_name as {text}", f"count(name) as {text}"]},
    }
    try:
        query = site.query("Item", **forms[part])
    except (InvalidQuery, MalformedJson):
        return
    for dialect in ("sqlite", "postgresql", "mariadb"):
        compiled = compile_query(query, dialect=dialect)
        _check_sql(site, compiled.sql)
        assert compiled.sql.count("?") == len(compiled.parameters)
    site.found(query)


@settings(max_examples=150)
@given(value=INJECTIONS.filter(lambda text: "\0" not in text and bool(text)))
def test_hostile_values_are_values(site: QuerySite, value: str) -> None:
    assert site.names("Item", filters={"name": value}) == []
    assert site.names("Item", filters={"name": ["!=", value]}) == [row["name"] for row in DATA]
    assert site.names("Item", filters={"name": ["in", [value]]}) == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["name", "=", "or", "in"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.just("name"), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=250)
@given(
    part=st.sampled_from(
        ["fields", "filters", "or_filters", "order_by", "group_by", "limit", "limit_start", "distinct"]
    ),
    value=JSON,
)
def test_whatever_is_sent_is_answered_or_refused(site: QuerySite, part: str, value: Any) -> None:
    with suppress(InvalidQuery, MalformedJson):
        site.rows("Item", **{part: value})
