"""P13: documents of a site whose DocTypes are not quite those of this one."""

import threading
from typing import Any

from tests.e2e.sync.pair import Pair, copy_rows, get, insert, item, names, rows, update


def only(prefix: str) -> str:
    return f'[["name", "like", "{prefix}%"]]'


def test_p13_fields_that_this_site_does_not_have_or_has_otherwise(pair: Pair) -> None:
    insert(pair.h, "Custom Field", dt="Item", fieldname="p13_only_there", fieldtype="Data", label="There")
    insert(pair.h, "Custom Field", dt="Item", fieldname="p13_kind", fieldtype="Data", label="Kind")
    insert(pair.o, "Custom Field", dt="Item", fieldname="p13_kind", fieldtype="Int", label="Kind")
    insert(pair.o, "Custom Field", dt="Item", fieldname="p13_here", fieldtype="Data", label="Here", default="mine")
    item(pair.h, "P13-A", p13_only_there="x", p13_kind="12")
    item(pair.h, "P13-B", p13_kind="no number")
    counts = pair.pull(pair.rule("P13", filters=only("P13-")))
    assert (counts["inserted"], counts["parked"]) == (1, 1)
    found = get(pair.o, "Item", "P13-A")
    assert found is not None
    assert (found["p13_kind"], found["p13_here"]) == (12, "mine")
    assert "p13_only_there" not in found
    (parked,) = rows(pair.o, "Sync Parked Row", sync_rule="P13")
    assert "not a whole number" in parked["error"]


def test_p13_a_select_option_that_is_absent_here_parks_the_document(pair: Pair) -> None:
    insert(
        pair.h, "Custom Field", dt="Item", fieldname="p13_size", fieldtype="Select", label="Size", options="S\nM\nXL"
    )
    insert(pair.o, "Custom Field", dt="Item", fieldname="p13_size", fieldtype="Select", label="Size", options="S\nM")
    item(pair.h, "P13S-M", p13_size="M")
    item(pair.h, "P13S-XL", p13_size="XL")
    counts = pair.pull(pair.rule("P13S", filters=only("P13S-")))
    assert (counts["inserted"], counts["parked"]) == (1, 1)
    (parked,) = rows(pair.o, "Sync Parked Row", sync_rule="P13S")
    assert 'cannot be "XL"' in parked["error"]


def test_p13_a_field_map_and_fixed_values(pair: Pair) -> None:
    item(pair.h, "P13M-A", item_name="Cone", standard_rate=80, description="crisp")
    rule = pair.rule(
        "P13M",
        filters=only("P13M-"),
        field_map=[
            {"remote_field": "item_code"},
            {"remote_field": "item_group"},
            {"remote_field": "item_name", "local_field": "description"},
        ],
        fixed_values=[{"local_field": "show_in_website", "value": "1"}],
    )
    pair.pull(rule)
    found = get(pair.o, "Item", "P13M-A")
    assert found is not None
    assert (found["description"], found["standard_rate"], found["show_in_website"]) == ("Cone", 0, 1)
    assert "item_name" not in found


def test_p13_the_sources_schema_changes_in_the_middle_of_a_run(pair: Pair) -> None:
    rule = pair.rule("P13R", filters=only("P13R-"), page_size=2)
    item(pair.h, "P13R-000")
    copy_rows(
        pair.hq, "Item", "P13R-000", ({"name": f"P13R-{n:03}", "item_code": f"P13R-{n:03}"} for n in range(1, 200))
    )
    counts: dict[str, Any] = {}
    run = threading.Thread(target=lambda: counts.update(pair.pull(rule)))
    run.start()
    with pair.hq.client() as other:
        insert(other, "Custom Field", dt="Item", fieldname="p13_sudden", fieldtype="Data", label="Sudden")
    run.join()
    assert (counts["inserted"], counts["parked"]) == (200, 0)


def test_documents_with_names_of_their_own_here_keep_their_links(pair: Pair) -> None:
    item(pair.h, "OWN-A")
    insert(pair.o, "Item", item_code="OWN-LOCAL", item_group="Products")
    ordered = {"customer": "Acme Ltd", "items": [{"item_code": "OWN-A", "qty": 1}]}
    original = insert(pair.h, "Sales Order", company="OWN", **ordered)["name"]
    rule = pair.rule("OWN", "Sales Order", filters='[["company", "=", "OWN"]]', naming="Own Name")
    local = insert(pair.o, "Sales Order", customer="Acme Ltd", items=[{"item_code": "OWN-LOCAL", "qty": 1}])["name"]
    assert local == original  # each site counts for itself
    assert pair.pull(rule)["inserted"] == 2  # the order, and the item that it links to
    (mine,) = names(pair.o, "Sales Order", company="OWN")
    assert mine != local
    update(pair.h, "Sales Order", original, po_no="77")
    assert pair.pull(rule)["updated"] == 1
    found = get(pair.o, "Sales Order", mine)
    assert found is not None
    assert found["po_no"] == "77"
    assert [row["item_code"] for row in found["items"]] == ["OWN-A"]
