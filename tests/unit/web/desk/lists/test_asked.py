"""What the URL of a list asks for."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.web.desk.lists.asked import OPERATORS, Asked, Filter, read

PATH = "/app/lead"
KNOWN = frozenset({"status", "amount", "name"})


def asked(query: str) -> Asked:
    return read(PATH, parse_qsl(query, keep_blank_values=True), known=KNOWN)


def again(found: Asked) -> Asked:
    return read(PATH, parse_qsl(urlsplit(found.url()).query, keep_blank_values=True), known=KNOWN)


def test_filters_are_written_as_in_frappe() -> None:
    found = asked('status=Open&amount=[">","5"]&unknown=1&_q=+a++b+&_sort=amount+desc&_page=3&_size=100')

    assert found == Asked(
        path=PATH,
        filters=(Filter(field="status", operator="=", value="Open"), Filter(field="amount", operator=">", value="5")),
        search="a b",
        sort="amount",
        is_descending=True,
        page=3,
        size=100,
    )
    assert again(found) == found


@pytest.mark.parametrize(
    "query", ["_page=0", "_page=-1", "_page=x", "_page=99999999999", "_size=7", "_sort=evil", "_x=1"]
)
def test_what_cannot_be_asked_is_left_out(query: str) -> None:
    found = asked(query)
    assert (found.page, found.size, found.sort, found.filters) == (1, 20, "", ())


@pytest.mark.parametrize("value", ['["drop","x"]', "[", '["=",["a"]]', "[1]", '[">",{"a":1}]'])
def test_what_looks_like_a_condition_and_is_none_is_a_text(value: str) -> None:
    found = read(PATH, [("status", value)], known=KNOWN)
    assert found.filters == (Filter(field="status", operator="=", value=value),)
    assert again(found) == found


@given(
    st.lists(
        st.builds(
            Filter,
            field=st.sampled_from(sorted(KNOWN)),
            operator=st.sampled_from(sorted(OPERATORS)),
            value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        ),
        max_size=5,
    )
)
def test_every_list_of_filters_has_a_url_that_means_it(filters: list[Filter]) -> None:
    found = Asked(path=PATH, filters=tuple(filters))
    assert again(found).filters == found.filters


def test_changes_of_a_list_start_at_its_first_page() -> None:
    found = asked("status=Open&amount=5&_page=4")

    assert found.without(0).url() == "/app/lead?amount=5"
    assert found.also(Filter(field="name", operator="=", value="x")).page == 1
    assert found.only("status", "Closed").filters[-1].value == "Closed"
    assert [each.field for each in found.only("status", "").filters] == ["amount"]
    assert found.sorted_by("amount").url() == "/app/lead?status=Open&amount=5&_sort=amount+asc"
    assert found.sorted_by("amount").sorted_by("amount").is_descending
    assert found.value_of("status") == "Open"


@pytest.mark.parametrize(
    ("operator", "value", "condition"),
    [
        ("like", "a", "%a%"),
        ("like", "a%", "a%"),
        ("in", "a, b", ["a", "b"]),
        ("is", "not set", "not set"),
        (">", "5", "5"),
    ],
)
def test_a_filter_is_a_condition_of_a_query(operator: str, value: str, condition: object) -> None:
    assert Filter(field="status", operator=operator, value=value).condition() == ["status", operator, condition]
