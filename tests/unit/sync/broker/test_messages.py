import json
from datetime import UTC, datetime
from typing import Any

import pytest

from demitasse.sync import envelope
from demitasse.sync.broker.messages import BrokenMessage, decode, encode
from demitasse.sync.broker.publishing import pages_of
from demitasse.sync.model import Position, Tombstone, Version

STAMP = "2026-03-01 12:00:00.123456"
PAGE = {
    "fields": ("name", "modified", "docstatus", "rate"),
    "rows": [("A/1", STAMP, 1, 2.5), ("B", STAMP, 0, None)],
    "tables": {"rows": {"fields": ("name", "parent", "idx"), "rows": [("r1", "A/1", 1), ("r2", "A/1", 2)]}},
    "versions": [["hq", STAMP], ["outlet", "x"]],
}


def of_document(name: str = "A/1") -> bytes:
    push = envelope.change("hq", "Item", sequence=7, page=pages_of(PAGE)[name])
    return encode(push, identifier=7, previous=5)


def of_tombstone() -> bytes:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    tombstone = Tombstone(doctype="Item", name="A", position=Position("", "A"), deleted_at=at, new_name="B", origin="o")
    return encode(envelope.deletion("hq", tombstone, sequence=8), identifier=8, previous=7)


def test_a_document_survives_the_way_with_its_rows() -> None:
    message = decode(of_document())
    (document,) = message.documents

    assert (message.id, message.previous, message.site, message.doctype) == (7, 5, "hq", "Item")
    assert (document.name, document.docstatus, document.sequence) == ("A/1", 1, 7)
    assert document.version == Version("hq", STAMP)
    assert document.values["rate"] == 2.5
    assert [row["name"] for row in document.values["rows"]] == ["r1", "r2"]


def test_a_page_is_taken_apart_into_its_documents() -> None:
    (document,) = decode(of_document("B")).documents

    assert document.name == "B"
    assert document.version == Version("outlet", "x")
    assert document.values["rows"] == []


def test_a_deletion_survives_the_way() -> None:
    message = decode(of_tombstone())

    assert message.documents == []
    assert message.tombstone is not None
    assert (message.tombstone.name, message.tombstone.new_name, message.tombstone.origin) == ("A", "B", "o")
    assert message.tombstone.sequence == 8


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "x"},
        {"previous": None},
        {"push": None},
        {"push": []},
        {"push": {"protocol": 2, "site": "hq"}},
        {"push": {"protocol": 1, "site": ""}},
        {"push": {"protocol": 1, "site": "hq", "doctype": "Item"}},
        {"push": {"protocol": 1, "site": "hq", "doctype": "Item", "sequence": 1, "page": {"fields": []}}},
        {"push": {"protocol": 1, "site": "hq", "doctype": "Item", "sequence": 1, "deletion": {"name": "A"}}},
    ],
)
def test_what_is_no_message_is_told_apart(changes: dict[str, Any]) -> None:
    told = {**json.loads(of_document()), **changes}

    with pytest.raises(BrokenMessage):
        decode(json.dumps(told).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b'"text"', b"null", b"\xff\xfe"])
def test_what_is_not_even_a_json_object_is_told_apart(body: bytes) -> None:
    with pytest.raises(BrokenMessage):
        decode(body)
