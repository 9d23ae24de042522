"""What HQ publishes arrives at an outlet, whatever the broker does to it."""

from functools import partial

import pytest

from tests.e2e.site import ServedSite
from tests.e2e.sync.broker.conftest import Chain, add_item, change_item
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique

pytestmark = pytest.mark.timeout(60, func_only=True)  # RabbitMQ and the sites take their time to start.


def test_changes_deletions_and_rows_arrive(chain: Chain) -> None:
    changed, again, gone, new = (unique(kind) for kind in ("CHANGED", "AGAIN", "GONE", "NEW"))
    with chain.at_hq() as hq:
        for code in (changed, again, gone):
            add_item(hq, code)
        add_item(hq, new, standard_rate=2.5, barcodes=[{"barcode": f"{new}-1"}, {"barcode": f"{new}-2"}])
    chain.wait_until_equal()
    with chain.at_hq() as hq:
        change_item(hq, changed, item_name="Changed", standard_rate=7)
        assert hq.delete(f"/api/resource/Item/{again}").status == 202
        add_item(hq, again, item_name="Made again under its name")
        assert hq.delete(f"/api/resource/Item/{gone}").status == 202

    items = chain.wait_until_equal()

    assert items[changed]["item_name"] == "Changed"
    assert items[again]["item_name"] == "Made again under its name"
    assert gone not in items
    with chain.outlet.client() as outlet:
        rows = outlet.get(f"/api/resource/Item/{new}").data["barcodes"]
    assert [row["barcode"] for row in rows] == [f"{new}-1", f"{new}-2"]


def test_a_document_comes_after_what_it_links_to(chain: Chain) -> None:
    brand, code = unique("Gelato"), unique("BRANDED")
    with chain.at_hq() as hq:
        assert hq.post("/api/resource/Brand", {"brand": brand}).status == 200
        add_item(hq, code, brand=brand)

    chain.wait_until_equal()

    with chain.outlet.client() as outlet:
        assert outlet.get(f"/api/resource/Item/{code}").data["brand"] == brand


def test_what_happens_while_the_broker_is_away_arrives_when_it_is_back(chain: Chain) -> None:
    code, later = unique("BEFORE"), unique("AWAY")
    with chain.at_hq() as hq:
        add_item(hq, code)
        chain.wait_until_equal()
        chain.broker.kill()
        try:
            change_item(hq, code, item_name="While it was away")
            add_item(hq, later)
        finally:
            chain.broker.start()

    assert chain.wait_until_equal(within_s=35)[code]["item_name"] == "While it was away"


def test_a_reader_that_is_killed_before_it_acknowledged_loses_nothing(chain: Chain) -> None:
    codes = [unique("KILL") for _ in range(60)]
    with chain.at_hq() as hq:
        for code in codes:
            add_item(hq, code)
        chain.outlet.kill()
        for code in codes[::7]:
            change_item(hq, code, item_name="Changed meanwhile")
        assert hq.delete(f"/api/resource/Item/{codes[1]}").status == 202
    chain.start(chain.outlet)

    items = chain.wait_until_equal(within_s=35)

    assert items.keys() & codes == {*codes} - {codes[1]}
    assert items[codes[7]]["item_name"] == "Changed meanwhile"


def test_a_publisher_that_is_killed_loses_nothing(chain: Chain) -> None:
    codes = [unique("HQ") for _ in range(60)]
    with chain.at_hq() as hq:
        for code in codes:
            add_item(hq, code)
        chain.hq.kill()
        chain.start(chain.hq)

    assert chain.wait_until_equal(within_s=35).keys() >= {*codes}


def test_a_row_that_cannot_be_applied_is_parked_and_the_others_go_on(chain: Chain) -> None:
    poison, behind = unique("POISON"), unique("BEHIND")
    with chain.outlet.client() as outlet, chain.at_hq() as hq:
        field = {"dt": "Item", "fieldname": "shelf", "fieldtype": "Data", "label": "Shelf", "reqd": 1}
        made = outlet.post("/api/resource/Custom Field", field)
        assert made.status == 200, made.text
        try:
            add_item(hq, poison)

            def is_parked() -> bool:
                params = {"fields": '["remote_name"]', "limit_page_length": "0"}
                rows = outlet.get("/api/resource/Sync Parked Row", params=params).data
                return poison in {row["remote_name"] for row in rows}

            wait_for("the poison to be parked", is_parked, within_s=20)
        finally:
            assert outlet.delete(f"/api/resource/Custom Field/{made.data['name']}").status == 202
        add_item(hq, behind)
        wait_for("what is behind it", lambda: outlet.get(f"/api/resource/Item/{behind}").status == 200, within_s=20)
        change_item(hq, poison, item_name="Another version of it")
    assert chain.wait_until_equal()[poison]["item_name"] == "Another version of it"


def test_a_broker_that_is_away_is_shown_with_both_rules(chain: Chain) -> None:
    chain.wait_until_equal()
    chain.broker.kill()
    try:
        with chain.at_hq() as hq:
            add_item(hq, unique("SHOWN"))
        for site in (chain.hq, chain.outlet):
            wait_for("the error", partial(last_error, site), within_s=20)
    finally:
        chain.broker.start()
    chain.wait_until_equal(within_s=35)
    for site in (chain.hq, chain.outlet):
        wait_for("no error", partial(is_well, site), within_s=20)


def last_error(site: ServedSite) -> str:
    """Return what stands between the rule of a site and its broker."""
    with site.client() as client:
        rows = client.get("/api/resource/Sync Checkpoint", params={"fields": '["last_error"]'}).data
    return "".join(row["last_error"] or "" for row in rows)


def is_well(site: ServedSite) -> bool:
    return not last_error(site)
