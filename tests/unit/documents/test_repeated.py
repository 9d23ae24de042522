"""A list that is asked for again, with other values, is the list that the parser would have given."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents import queries
from demitasse.documents.query_errors import InvalidQuery
from demitasse.documents.repeated import shape_of
from tests.unit.documents.conftest import SmallSite

NAMES = ["Asha", "asha", "Priya", "O'Hara", "100%", "ünï", "x" * 140]
KINDS = ["Company", "Individual", ""]


@pytest.fixture
def shop(site: SmallSite) -> SmallSite:
    for number, name in enumerate(NAMES):
        tax_id = f"T-{number}" if number % 2 else None
        site.make("Customer", {"customer_name": name, "kind": KINDS[number % 2], "tax_id": tax_id})
    return site


def asked(site: SmallSite, tx: Transaction, doctype: DocType, **request: Any) -> tuple[Any, Any]:
    """Return what is found for everybody, where requests are remembered, and for Administrator, where never."""
    return tuple(
        queries.select(site.context, tx, doctype, actor=actor, **request) for actor in (None, ADMINISTRATOR_ACTOR)
    )  # type: ignore[return-value]


def remembered(site: SmallSite) -> int:
    return len(site.context.plan(site.context.registry.get("Customer")).repeated)


TEXTS = st.sampled_from([*NAMES, "nobody", "%", "T-1", "Company", "\x00"])
FILTERS = st.one_of(
    TEXTS,
    st.just(""),
    st.none(),
    st.integers(-2, 2),
    st.just(2**70),
    st.booleans(),
    st.tuples(st.just("in"), st.lists(TEXTS, max_size=5)),
    st.tuples(st.just("in"), st.lists(st.one_of(TEXTS, st.just(""), st.none()), max_size=3)),
    st.tuples(st.just("is"), st.sampled_from(["set", "not set", "SET"])),
    st.tuples(st.sampled_from(["like", "!=", "not in", ">"]), TEXTS),
).map(lambda value: list(value) if isinstance(value, tuple) else value)
FIELDS = st.lists(st.sampled_from(["name", "kind", "type", "tax_id", "modified", "since", "docstatus"]), min_size=1)
REQUESTS = st.fixed_dictionaries(
    {
        "fields": FIELDS,
        "filters": st.dictionaries(
            st.sampled_from(["name", "kind", "type", "tax_id", "docstatus"]), FILTERS, max_size=3
        ),
    },
    optional={"order_by": st.sampled_from([None, "", "name asc", "creation"]), "limit": st.sampled_from([0, 1, 3])},
)


def test_any_request_finds_the_same_whether_it_was_asked_before_or_not(shop: SmallSite) -> None:
    doctype = shop.context.registry.get("Customer")
    tx = shop.database.read()

    @given(request=REQUESTS)
    def check(request: dict[str, Any]) -> None:
        for _ in range(2):
            try:
                everybody, administrator = asked(shop, tx, doctype, **request)
            except InvalidQuery:
                return
            assert everybody == administrator

    check()
    assert remembered(shop) > 0
    tx.rollback()


def test_other_values_of_a_shape_bind_to_the_statement_that_is_kept(shop: SmallSite) -> None:
    doctype = shop.context.registry.get("Customer")
    tx = shop.database.read()
    for name in NAMES:
        everybody, administrator = asked(
            shop, tx, doctype, fields=["name", "modified"], filters={"name": name}, limit=1
        )
        assert everybody == administrator
        assert [row[0] for row in everybody.rows] == [name]
    assert remembered(shop) == 1
    for members in (NAMES[:3], NAMES[1:4], NAMES[:4]):
        everybody, administrator = asked(shop, tx, doctype, fields=["name"], filters={"name": ["in", members]})
        assert everybody == administrator
        assert {row[0] for row in everybody.rows} == set(members)
    assert remembered(shop) == 2
    tx.rollback()


@pytest.mark.parametrize(
    "request_",
    [
        {"fields": ["name"], "filters": {"since": "2026-03-01"}},
        {"fields": ["name"], "filters": {"docstatus": "0"}},
        {"fields": ["name"], "filters": {"kind": 1}},
        {"fields": ["count(name) as number"], "filters": {"kind": "Company"}},
    ],
)
def test_what_has_to_be_converted_is_not_kept(shop: SmallSite, request_: dict[str, Any]) -> None:
    tx = shop.database.read()
    asked(shop, tx, shop.context.registry.get("Customer"), **request_)
    assert remembered(shop) == 0
    tx.rollback()


def test_a_new_version_of_a_doctype_starts_anew(shop: SmallSite) -> None:
    doctype = shop.context.registry.get("Customer")
    tx = shop.database.read()
    asked(shop, tx, doctype, fields=["name"], filters={"name": "Asha"})
    assert remembered(shop) == 1
    shop.context.registry.register(doctype.with_fields(()))
    assert remembered(shop) == 0
    tx.rollback()


@pytest.mark.parametrize(
    "request_",
    [
        {"fields": "name", "filters": {"name": "Asha"}},
        {"fields": ["name"], "filters": [["name", "=", "Asha"]]},
        {"fields": [{"COUNT": "name"}], "filters": {"name": "Asha"}},
        {"fields": ["name"], "filters": {"name": "Asha"}, "or_filters": {"kind": "Company"}},
        {"fields": ["name"], "filters": {"name": ["in", "Asha,Priya"]}},
        {"fields": ["name"], "filters": {"name": ["like", "%"]}},
        {"fields": ["name"]},
    ],
)
def test_what_is_asked_in_other_words_has_no_shape(request_: dict[str, Any]) -> None:
    assert shape_of(request_) is None
