"""Version 2 of the API beyond what was recorded: pages, copies, many documents in one request, renaming with links."""

from collections.abc import Iterator

import pytest

from tests.e2e.site import Client, MadeSite, ServedSite, served_copy


@pytest.fixture
def leads(admin: Client) -> Iterator[list[str]]:
    """Three leads, gone after the test."""
    names = [admin.post("/api/v2/document/Lead", {"lead_name": f"Bulk {n}"}).data["name"] for n in range(3)]
    yield names
    for name in names:
        admin.delete(f"/api/v2/document/Lead/{name}")


def test_a_list_says_whether_there_is_a_next_page(admin: Client, leads: list[str]) -> None:
    path = "/api/v2/document/Lead"
    filters = f'[["name", "in", "{",".join(leads)}"]]'
    first = admin.get(path, params={"filters": filters, "limit": 2, "order_by": "name asc"})
    last = admin.get(path, params={"filters": filters, "limit": 2, "start": 2, "order_by": "name asc"})
    everything = admin.get(path, params={"filters": filters, "limit": 0})

    assert ([row["name"] for row in first.data], first.json["has_next_page"]) == (leads[:2], True)
    assert ([row["name"] for row in last.data], last.json["has_next_page"]) == (leads[2:], False)
    assert (len(everything.data), everything.json["has_next_page"]) == (3, False)


def test_a_list_counts_when_it_is_asked_to(admin: Client, leads: list[str]) -> None:
    filters = f'[["name", "in", "{",".join(leads)}"]]'
    answer = admin.get("/api/v2/document/Lead", params={"filters": filters, "limit": 1, "include": "count"})

    assert (len(answer.data), answer.json["count"]) == (1, 3)


@pytest.mark.parametrize("asked", [{"fields": '{"a": 1}'}, {"filters": '"name"'}, {"or_filters": "5"}])
def test_what_has_the_wrong_shape_is_refused(admin: Client, asked: dict[str, str]) -> None:
    answer = admin.get("/api/v2/document/Lead", params=asked)

    assert answer.status == 417
    assert answer.json["errors"][0]["type"] == "ValidationError"


def test_a_copy_can_be_posted_as_a_new_document(admin: Client, leads: list[str]) -> None:
    copied = admin.get(f"/api/v2/document/Lead/{leads[0]}/copy").data
    assert copied["lead_name"] == "Bulk 0"
    assert "name" not in copied

    made = admin.post("/api/v2/document/Lead", copied).data
    assert made["name"] not in leads
    assert admin.delete(f"/api/v2/document/Lead/{made['name']}").status == 202


def test_documents_of_several_doctypes_are_deleted_together(admin: Client, leads: list[str]) -> None:
    customer = admin.post("/api/v2/document/Customer", {"customer_name": "Bulk Customer"}).data["name"]
    docs = [
        {"doctype": "Lead", "name": leads[0]},
        {"doctype": "Customer", "name": customer},
        {"doctype": "Item", "name": "ITEM-00003"},
        {"doctype": "Nope", "name": "x"},
    ]
    order = {"customer": "Globex", "items": [{"item_code": "ITEM-00003", "qty": 1}]}
    ordered = admin.post("/api/v2/document/Sales Order", order).data["name"]

    told = admin.post("/api/v2/method/bulk_delete", {"docs": docs}).data

    assert told["deleted"] == docs[:2]
    assert [(failed["doctype"], failed["name"]) for failed in told["failed"]] == [("Item", "ITEM-00003"), ("Nope", "x")]
    assert admin.get("/api/v2/document/Item/ITEM-00003").status == 200
    assert admin.get(f"/api/v2/document/Lead/{leads[0]}").status == 404
    assert admin.delete(f"/api/v2/document/Sales Order/{ordered}").status == 202


def test_documents_of_one_doctype_are_changed_and_deleted_together(admin: Client, leads: list[str]) -> None:
    path = "/api/v2/document/Lead"
    docs = [{"name": name, "lead_name": f"New {name}"} for name in leads]

    updated = admin.post(f"{path}/bulk_update", {"docs": docs})
    assert updated.data["updated"] == leads
    assert [doc["lead_name"] for doc in updated.json["docs"]] == [f"New {name}" for name in leads]

    deleted = admin.post(f"{path}/bulk_delete", {"names": [*leads, "Nobody"]}).data
    assert deleted["deleted"] == leads
    assert deleted["failed"][0]["name"] == "Nobody"


def test_too_many_documents_at_once_are_refused(admin: Client) -> None:
    answer = admin.post("/api/v2/document/Lead/bulk_delete", {"names": ["x"] * 501})

    assert answer.status == 417


def test_a_rename_takes_every_link_along(admin: Client) -> None:
    item = {"item_code": "RENAME-1", "item_name": "Beans", "item_group": "Products"}
    assert admin.post("/api/v2/document/Item", item).status == 200
    order = {"customer": "Globex", "items": [{"item_code": "RENAME-1", "qty": 1}]}
    ordered = admin.post("/api/v2/document/Sales Order", order).data["name"]

    answer = admin.call("frappe.client.rename_doc", doctype="Item", old_name="RENAME-1", new_name="RENAME-2")

    assert answer.message == "RENAME-2"
    assert admin.get("/api/v2/document/Item/RENAME-1").status == 404
    assert admin.get("/api/v2/document/Item/RENAME-2").data["item_code"] == "RENAME-2"
    assert admin.get(f"/api/v2/document/Sales Order/{ordered}").data["items"][0]["item_code"] == "RENAME-2"
    assert admin.delete("/api/v2/document/Item/RENAME-2").json["errors"][0]["type"] == "LinkExistsError"


def test_an_unknown_path_and_an_unserved_method_are_told_apart(admin: Client) -> None:
    assert admin.get("/api/v2/nosuch").status == 404
    assert admin.put("/api/v2/document/Lead").status == 405
    assert admin.get("/api/v2").json["errors"][0]["type"] == "DoesNotExistError"


def test_a_head_request_has_the_headers_and_no_body(admin: Client) -> None:
    answer = admin.request("HEAD", "/api/v2/document/Item/ITEM-00001")

    assert (answer.status, answer.text) == (200, "")
    assert int(answer.headers["content-length"]) > 2


def test_without_allow_cors_no_origin_is_let_in(admin: Client) -> None:
    answer = admin.get("/api/method/ping", headers={"Origin": "https://shop.example.com"})

    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.fixture(scope="module")
def shared(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A site that one origin may call."""
    with served_copy(
        made_site, tmp_path_factory.mktemp("cors") / "site", DEMITASSE_ALLOW_CORS="https://shop.example.com"
    ) as served:
        yield served


def test_a_listed_origin_is_let_in_with_errors_too(shared: ServedSite) -> None:
    origin = {"Origin": "https://shop.example.com"}
    with shared.guest() as guest:
        asked = {**origin, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization"}
        preflight = guest.request("OPTIONS", "/api/resource/Lead/x", headers=asked)
        refused = guest.get("/api/resource/Lead/x", headers=origin)
        other = guest.get("/api/method/ping", headers={"Origin": "https://evil.example.com"})

    assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (200, origin["Origin"])
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "authorization"
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (403, origin["Origin"])
    assert "access-control-allow-origin" not in other.headers
