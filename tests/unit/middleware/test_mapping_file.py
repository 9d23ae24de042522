"""Mapping files: what they may say, and where an error is."""

from pathlib import Path

import pytest

from demitasse.kernel import json
from demitasse.middleware.errors import InvalidMapping
from demitasse.middleware.mapping_file import parse_mapping, read_mapping

LIST = """
[[list]]
path = "/api/things"
answer = "things"
doctype = "Thing"
fields = ["name"]
"""
CREATE = """
[[create]]
path = "/api/orders"
doctype = "Sales Order"
answer = { order_id = "name" }
"""
PUSH = """
[[push]]
type = "stock_update"
needs = ["item_code"]
fields = ["item_code"]
identity = ["item_code"]
topics = ["stock"]
"""


def parse(*parts: str) -> object:
    return parse_mapping("\n".join(("version = 1", *parts)), name="mine.toml")


def test_scoopjoy_s_mapping_is_the_default() -> None:
    mapping = read_mapping(None)
    assert [route.path for route in mapping.lists] == ["/api/products", "/api/stock"]
    assert [route.path for route in mapping.creates] == ["/api/orders"]
    assert [push.type for push in mapping.pushes] == ["stock_update", "product_update"]
    products = mapping.lists[0]
    assert products.filters == [["show_in_website", "=", 1], ["disabled", "=", 0]]
    assert mapping.creates[0].answer == {"order_id": "name", "total": "grand_total"}


def test_json_says_the_same(tmp_path: Path) -> None:
    route = {"path": "/api/x", "answer": "x", "doctype": "X", "fields": ["name"]}
    file = tmp_path / "mapping.json"
    file.write_bytes(json.encode({"version": 1, "list": [route]}))
    assert read_mapping(file).lists[0].doctype == "X"


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        (("verson = 1",), "verson"),
        ((LIST, "cache = 3"), r"list\[0\].*cache"),
        ((LIST, 'cache_s = "long"'), r"list\[0\].cache_s.*float"),
        ((LIST, "cache_s = -1"), r"list\[0\].cache_s"),
        ((LIST.replace('"/api/things"', '"api things"'),), r"list\[0\].path"),
        ((LIST.replace('["name"]', "[]"),), r"list\[0\].fields"),
        ((LIST, 'filters = [["a", "="]]'), r"list\[0\].filters\[0\]"),
        ((LIST, LIST), r"list\[1\]: GET /api/things is already the path of list\[0\]"),
        ((LIST.replace("/api/things", "/ws"),), r"list\[0\]: /ws is the middleware's own"),
        (('time_zone = "Mars/Olympus"',), "time_zone"),
        ((CREATE, 'reference_from = ["id"]'), r"create\[0\].reference_from"),
        ((CREATE, 'set = { day = "today+x" }'), r"create\[0\].set.day"),
        ((CREATE, 'set = { a = 1 }\nfields = { a = { from = "a" } }'), r"create\[0\].fields.a"),
        ((CREATE, 'fields = { a = { from = "a", type = "colour" } }'), r"create\[0\].fields"),
        ((PUSH, PUSH), r"push\[1\].type"),
        ((PUSH, 'invalidates = ["/api/things"]'), r"push\[0\].invalidates"),
        ((PUSH, 'key = "colour"'), r"push\[0\].key"),
        ((PUSH.replace('["stock"]', '["stock:{size}"]'),), r"push\[0\].topics.*size"),
        ((PUSH.replace('["stock"]', '["orders:all"]'),), r"push\[0\].topics"),
        ((PUSH.replace('fields = ["item_code"]', 'fields = ["seq"]'),), r"push\[0\].fields"),
    ],
)
def test_an_error_says_where_and_what(parts: tuple[str, ...], where: str) -> None:
    with pytest.raises(InvalidMapping, match=where) as caught:
        parse(*parts)
    assert caught.value.message.startswith("mine.toml")


def test_a_file_that_is_not_there_or_not_toml_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping, match="MAPPING_FILE"):
        read_mapping(tmp_path / "nowhere.toml")
    with pytest.raises(InvalidMapping, match=r"bad\.toml"):
        parse_mapping("version = ", name="bad.toml")
    with pytest.raises(InvalidMapping, match=r"version"):
        parse_mapping("version = 2", name="new.toml")
