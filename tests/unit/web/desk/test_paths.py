"""Paths of pages, and where a login may lead."""

import pytest

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.doctypes.model import Registry
from demitasse.doctypes.parse import parse_doctype
from demitasse.web.desk.login_page import same_site
from demitasse.web.desk.navigation import Entry, Group, by_slug, doctype_groups, form_path, list_path
from demitasse.web.desk.routing import match


@pytest.mark.parametrize(
    ("pattern", "path", "values"),
    [
        ("", (), {}),
        ("", ("a",), None),
        ("-/search", ("-", "search"), {}),
        ("{doctype}", ("lead",), {"doctype": "lead"}),
        ("{doctype}/new", ("lead", "new"), {"doctype": "lead"}),
        ("{doctype}/new", ("lead", "old"), None),
        ("{doctype}/{name*}", ("lead", "a", "b"), {"doctype": "lead", "name": "a/b"}),
        ("{doctype}/{name*}", ("lead",), None),
        ("a/b", ("a",), None),
    ],
)
def test_a_pattern_names_parts_of_a_path(pattern: str, path: tuple[str, ...], values: dict[str, str] | None) -> None:
    assert match(pattern, path) == values


def test_paths_are_frappe_s() -> None:
    assert list_path("Sales Order") == "/app/sales-order"
    assert form_path("Sales Order", "SO/1 % ü?#") == "/app/sales-order/SO%2F1%20%25%20%C3%BC%3F%23"


def test_child_tables_have_no_pages() -> None:
    registry = Registry()
    for source in ({"name": "Sales Order"}, {"name": "Order Line", "istable": 1}):
        registry.register(parse_doctype({**source, "fields": []}, app="test"))

    found = by_slug(registry, "sales-order")
    assert found is not None
    assert found.name == "Sales Order"
    assert by_slug(registry, "order-line") is None
    assert by_slug(registry, "Sales Order") is None


def test_a_list_with_a_line_of_its_own_has_no_second_one_in_the_sidebar() -> None:
    registry = Registry()
    for name in ("Webhook", "User"):
        registry.register(parse_doctype({"name": name, "module": "Core", "fields": []}, app="test"))
    shown = Group(label="Integrations", entries=(Entry(label="Webhooks", href="/app/webhook", icon="send"),))

    (core,) = doctype_groups(registry, ADMINISTRATOR_ACTOR, shown=[shown])
    assert [entry.label for entry in core.entries] == ["User"]


@pytest.mark.parametrize("target", ["/app", "/app/lead?status=Open&x=%20", "/app/lead/A%2FB"])
def test_a_login_leads_to_paths_of_this_site(target: str) -> None:
    assert same_site(target) == target


@pytest.mark.parametrize(
    "target",
    ["", "app", "//evil.example", "/\\evil.example", "\\/evil", "https://evil.example", "javascript:alert(1)",
     "/\t/evil.example", "/\n/evil.example", "/%09/evil.example/\\", "/ü", "/a b"],
)  # fmt: skip
def test_a_login_leads_nowhere_else(target: str) -> None:
    assert same_site(target) == "/app"
