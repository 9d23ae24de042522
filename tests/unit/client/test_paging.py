from typing import Any

import pytest

from demitasse.client.errors import UnusableAnswer
from demitasse.client.paging import Pages, as_triples


def pages(**options: Any) -> Pages:
    given = {
        "fields": ["item_name"],
        "filters": (),
        "or_filters": (),
        "order_by": None,
        "page_length": 2,
        "parent": None,
    }
    return Pages.of("Item", **{**given, **options})


def query(place: Pages | None) -> dict[str, str]:
    assert place is not None
    return dict(place.request.query)


def test_pages_go_on_behind_the_last_name() -> None:
    first = pages(filters={"disabled": 0})
    second = first.next([{"name": "A", "item_name": "a"}, {"name": "B", "item_name": "b"}])

    assert query(first)["order_by"] == "`tabItem`.`name` asc"
    assert query(first)["fields"] == '["item_name","name"]'
    assert query(second)["filters"] == '[["disabled","=",0],["Item","name",">","B"]]'
    assert query(second)["limit_start"] == "0"


def test_a_short_page_is_not_the_end() -> None:
    assert pages(page_length=500).next([{"name": "A"}]) is not None


def test_an_empty_page_is_the_end() -> None:
    assert pages().next([]) is None


def test_the_name_is_shown_only_when_asked_for() -> None:
    rows = [{"name": "A", "item_name": "a"}]

    assert pages().shown(rows) == [{"item_name": "a"}]
    assert pages(fields=["name", "item_name"]).shown(rows) == rows
    assert pages(fields=["*"]).shown(rows) == rows


def test_an_order_of_the_callers_is_paged_by_count() -> None:
    second = pages(order_by="modified desc").next([{"item_name": "a"}, {"item_name": "b"}])

    assert query(second)["limit_start"] == "2"
    assert query(second)["order_by"] == "modified desc"
    assert "filters" not in query(second)


def test_a_site_that_repeats_its_page_is_found_out() -> None:
    second = pages().next([{"name": "A"}])
    assert second is not None

    with pytest.raises(UnusableAnswer):
        second.next([{"name": "A"}])


def test_filters_of_both_forms_become_conditions() -> None:
    assert as_triples({"a": 1, "b": [">", 2]}) == (("a", "=", 1), ("b", ">", 2))
    assert as_triples([["a", "=", 1]]) == (["a", "=", 1],)
