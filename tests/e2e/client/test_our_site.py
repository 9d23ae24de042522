"""The client against a site of ours."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from demitasse.client import errors
from demitasse.client.site import FrappeClient
from tests.e2e.site import ServedSite


def test_all_rows_are_iterated_and_not_twenty(client: FrappeClient) -> None:
    names = [row["name"] for row in client.iterate("Item", page_length=300)]

    assert names == [f"ITEM-{number:05}" for number in range(1, 1001)]
    assert len(client.get_list("Item")) == 20
    assert len(client.get_list("Item", limit_page_length=0)) == 1000


def test_pages_in_an_order_of_ones_own_are_all_there(client: FrappeClient) -> None:
    pages = list(
        client.pages("Item", fields=["name", "standard_rate"], order_by="standard_rate desc, name asc", page_length=400)
    )

    rates = [row["standard_rate"] for page in pages for row in page]
    assert [len(page) for page in pages] == [400, 400, 200]
    assert rates == sorted(rates, reverse=True)


def test_rows_deleted_meanwhile_hide_no_others(client: FrappeClient) -> None:
    made = [client.insert("Customer", {"customer_name": f"Paged {number}"})["name"] for number in range(6)]
    seen = []
    for page in client.pages("Customer", filters={"name": ["like", "Paged %"]}, page_length=2):
        seen += [row["name"] for row in page]
        for row in page:
            client.delete("Customer", row["name"])

    assert seen == made


def test_more_filters_than_a_url_can_hold_are_asked_for(client: FrappeClient) -> None:
    names = [f"ITEM-{number:05}" for number in range(1, 900)]

    assert len(client.get_list("Item", filters={"name": ["in", names]}, limit_page_length=0)) == 899


@pytest.mark.parametrize("name", ["50% / #1 a?b&c", "Crème brûlée", "%2F", "a+b", "..."])
def test_a_document_lives_whatever_its_name(client: FrappeClient, name: str) -> None:
    assert (
        client.insert("Item Group", {"item_group_name": name, "parent_item_group": "All Item Groups"})["name"] == name
    )
    assert client.get_doc("Item Group", name)["item_group_name"] == name
    assert client.update("Item Group", name, {"parent_item_group": "Products"})["parent_item_group"] == "Products"
    client.delete("Item Group", name)
    with pytest.raises(errors.NotFound, match="not found"):
        client.get_doc("Item Group", name)


def test_an_order_is_submitted_and_cancelled(client: FrappeClient) -> None:
    order = client.insert("Sales Order", {"customer": "Globex", "items": [{"item_code": "ITEM-00001", "qty": 2}]})

    assert client.submit("Sales Order", order["name"])["docstatus"] == 1
    assert client.cancel("Sales Order", order["name"])["docstatus"] == 2
    with pytest.raises(errors.ValidationFailed):
        client.submit("Sales Order", order["name"])


def test_values_counts_and_calls(client: FrappeClient) -> None:
    assert client.get_value("Item", "ITEM-00001", "item_name") == {"item_name": "Widget 1"}
    assert client.get_value("Item", {"item_name": "Widget 5"}, ["name", "disabled"]) == {
        "name": "ITEM-00005",
        "disabled": 0,
    }
    assert client.get_value("Item", {"name": "none"}, "item_name") == {}
    assert client.get_count("Item", {"disabled": 1}) == 20
    assert client.call("cafe.api.peer_echo", {"a": 1, "b": ["x"]}) == {"a": 1, "b": ["x"]}
    assert client.call("frappe.auth.get_logged_user", method="GET") == "Administrator"


def test_refusals_have_types_and_readable_messages(client: FrappeClient) -> None:
    with pytest.raises(errors.Duplicate):
        client.insert("Customer", {"customer_name": "Globex"})
    with pytest.raises(errors.MissingLink, match="Could not find"):
        client.insert("Item", {"item_code": "X", "item_group": "No Such Group"})
    with pytest.raises(errors.LinkedElsewhere):
        client.delete("Item Group", "Products")
    with pytest.raises(errors.ValidationFailed) as caught:
        client.call("cafe.api.peer_throw_titled")
    assert caught.value.messages == ("Rule failed",)


def test_a_stale_change_is_told_apart(client: FrappeClient) -> None:
    made = client.insert("Customer", {"customer_name": "Stale"})
    client.update("Customer", made["name"], {"customer_group": "x"})

    with pytest.raises(errors.StaleDocument):
        client.update("Customer", made["name"], {"customer_group": "y", "modified": made["modified"]})


def test_wrong_keys_and_missing_rights_are_told_apart(site: ServedSite) -> None:
    with FrappeClient(site.url, api_key="nobody", api_secret="hush") as stranger:
        with pytest.raises(errors.NotAuthenticated) as caught:
            stranger.get_list("Item")
        assert "hush" not in str(caught.value)
    with FrappeClient(site.url) as guest, pytest.raises(errors.Forbidden):
        guest.get_list("Item")


def test_many_threads_share_a_client(client: FrappeClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        documents = list(threads.map(lambda number: client.get_doc("Item", f"ITEM-{number:05}"), range(1, 201)))

    assert [document["name"] for document in documents] == [f"ITEM-{number:05}" for number in range(1, 201)]
