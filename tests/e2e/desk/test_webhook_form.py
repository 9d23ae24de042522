"""The form of a webhook: a newcomer's path, an operator's path, and nothing typed or secret lost on the way."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import Client, ServedSite
from tests.e2e.webhooks import (
    SECRET,
    add_lead,
    add_webhook,
    deliveries,
    frappe_signature,
    is_signed,
    rows,
    unique,
    wait_for_status,
)

ATTACK = "<img src=x onerror=\"console.error('attacked')\">"
PASSWORD = "a long enough password"


def webhook(admin: Client, name: str) -> dict[str, Any]:
    found: dict[str, Any] = admin.get(f"/api/resource/Webhook/{name}").data
    return found


def unmoved(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a save without changes leaves alone; rows are written anew."""
    return {key: value for key, value in document.items() if key not in {"modified", "webhook_data"}}


def save(page: Page) -> None:
    with page.expect_navigation():
        page.keyboard.press("Control+s")


def test_a_newcomer_makes_a_webhook_and_sees_a_lead_delivered(visit: Visit, admin: Client, receiver: Receiver) -> None:
    page, path = visit.page, f"/{unique('newcomer')}"
    add_lead(admin, lead_name="Asha Rao", territory="Goa")
    page.keyboard.press("Control+k")
    page.fill("#search-input", "new webhook")
    expect(page.locator("#search-options [role=option]").first).to_contain_text("New Webhook")
    page.keyboard.press("Enter")
    page.wait_for_url("**/app/webhook/new")

    page.fill("#f-webhook_doctype", "Lead")
    expect(page.locator(".needs")).to_contain_text("Still needed: Request URL")
    page.fill("#f-request_url", receiver.url(path))
    page.fill("#f-condition", 'doc.territory == "Goa"')
    expect(page.locator("#preview")).to_contain_text("The condition is true")
    page.check("[name=mode][value=template]")
    page.fill("#f-webhook_json", '{\n  "who": "{{ doc.lead_nme }}"\n}')
    expect(page.locator("#fault-webhook_json")).to_contain_text("did you mean 'lead_name'?")
    expect(page.locator("#fault-webhook_json .fault-number")).to_have_text("2")
    page.fill("#f-webhook_json", '{\n  "who": "{{ doc.lead_name }}"\n}')
    expect(page.locator("#preview-body")).to_have_text('{\n  "who": "Asha Rao"\n}')
    expect(page.locator("#fault-webhook_json")).to_be_empty()
    page.click("text=Make one")
    secret = page.input_value("#f-webhook_secret")
    assert secret.startswith("whsec_")

    page.click("[data-tests]")
    expect(page.locator("#answer")).to_contain_text("Delivered (200)")
    (tried,) = receiver.arrived(path)
    assert tried.body == b'{"who":"Asha Rao"}'
    assert tried.headers["x-frappe-webhook-signature"] == frappe_signature(tried.body, secret=secret)

    save(page)
    page.wait_for_url("**/app/webhook/Lead-after_insert-*")
    expect(page.locator("[data-toast]")).to_contain_text("Saved")
    expect(page.locator(".delivery-table tbody")).to_contain_text("Nothing has been sent yet")
    add_lead(admin, lead_name="Ravi", territory="Goa")
    expect(page.locator(".delivery-table tbody .state-badge")).to_have_text("Delivered")
    assert receiver.wait(path, count=2)[1].body == b'{"who":"Ravi"}'
    assert (visit.complaints, visit.alerts) == ([], [])


def test_an_operator_mends_a_url_replays_and_sees_it_go_green(visit: Visit, admin: Client, receiver: Receiver) -> None:
    page, path = visit.page, f"/{unique('mended')}"
    receiver.reply = lambda arrived: Reply(status=200 if arrived.path == path else 404)
    name = add_webhook(admin, receiver.url(f"{path}-wrong"), retry_schedule="0.1")
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, name, "Failed")

    visit.open("/app")
    page.get_by_role("link", name="failed for good").click()
    page.wait_for_url("**/app/deliveries?status=Failed")
    page.locator(".delivery-table [data-delivery]", has_text=name).locator("a").click()
    expect(page.locator(".alert")).to_contain_text("there is nothing at this URL. Check the request URL")
    page.click("text=Open the webhook")
    page.wait_for_url(f"**/app/webhook/{name}")
    page.fill("#f-request_url", receiver.url(path))
    save(page)

    expect(page.locator(".delivery-table tbody .state-badge")).to_have_text("Failed")
    page.locator("input[name=delivery]").check()
    with page.expect_navigation():
        page.click("[data-replay]")
    assert visit.path == f"/app/webhook/{name}"
    expect(page.locator(".delivery-table tbody .state-badge")).to_have_text("Delivered")
    assert visit.complaints == []


def test_what_was_typed_is_kept_when_it_cannot_be_saved(visit: Visit, receiver: Receiver) -> None:
    page = visit.page
    visit.open("/app/webhook/new")
    page.fill("#f-webhook_doctype", "Lead")
    page.fill("#f-request_url", "no url")
    page.click("text=Add a header")
    page.locator("[name=header_key]").fill("Host")
    page.locator("[name=header_value]").fill(ATTACK)
    page.check("[name=mode][value=fields]")
    page.locator("[name=row_field]").fill("lead_name")
    page.locator("[name=row_key]").fill("who")
    save(page)

    expect(page.locator(".alert")).to_contain_text("Not saved")
    assert page.input_value("#f-request_url") == "no url"
    assert "is not a URL" in visit.text("#fault-request_url")
    assert "set by the server" in visit.text("#fault-webhook_headers")
    assert page.locator("[name=header_value]").input_value() == ATTACK
    assert (page.input_value("[name=row_field]"), page.input_value("[name=row_key]")) == ("lead_name", "who")
    page.fill("#f-request_url", receiver.url())
    page.click("[aria-label='Remove the row'] >> nth=0")
    save(page)
    page.wait_for_url("**/app/webhook/Lead-after_insert-*")


def test_every_field_is_saved_and_shown_again(visit: Visit, admin: Client, receiver: Receiver) -> None:
    page = visit.page
    visit.open("/app/webhook/new")
    page.fill("#f-webhook_doctype", "Lead")
    page.select_option("#f-webhook_docevent", "on_update")
    page.fill("#f-name", unique("All fields"))
    page.select_option("#f-request_method", "PUT")
    page.fill("#f-request_url", receiver.url("/{{ doc.name }}"))
    page.check("[name=is_dynamic_url]")
    page.check("[name=mode][value=form]")
    page.locator("[name=row_field]").fill("lead_name")
    page.keyboard.press("Enter")
    page.locator("[name=row_field]").nth(1).fill("territory")
    page.click(".more > summary")
    more = {
        "description": "For the CRM",
        "timeout": "7",
        "retry_schedule": "5, 60",
        "max_concurrency": "3",
        "rate_limit_per_second": "2.5",
        "alert_email": "ops@shop.test",
        "alert_url": "https://ops.shop.test/alert",
        "previous_secret_until": "2030-01-02T03:04",
    }
    for field, value in more.items():
        page.fill(f"#f-{field}", value)
    page.select_option("#f-ordering", "Per Document")
    save(page)

    assert visit.texts(".alert") == []
    name = page.input_value("[name=stored_name]")
    saved = webhook(admin, name)
    assert (saved["webhook_docevent"], saved["request_method"], saved["request_structure"]) == (
        "on_update",
        "PUT",
        "Form URL-Encoded",
    )
    assert [row["fieldname"] for row in saved["webhook_data"]] == ["lead_name", "territory"]
    assert (saved["timeout"], saved["max_concurrency"], saved["rate_limit_per_second"]) == (7, 3, 2.5)
    assert saved["previous_secret_until"].startswith("2030-01-02 03:04:00")
    for field, value in more.items():
        assert page.input_value(f"#f-{field}").startswith(value), field
    assert page.locator(".more").get_attribute("open") is not None
    save(page)  # Nothing was changed, and nothing changes.
    assert unmoved(webhook(admin, name)) == unmoved(saved)


def test_a_stored_secret_is_kept_unless_another_is_typed_and_never_shown(
    visit: Visit, admin: Client, receiver: Receiver
) -> None:
    path = f"/{unique('kept')}"
    name = add_webhook(admin, receiver.url(path), enable_security=1, webhook_secret=SECRET)
    visit.open(f"/app/webhook/{name}")
    assert SECRET not in visit.page.content()
    visit.page.fill("#f-condition", 'doc.lead_name == "Asha"')
    save(visit.page)
    add_lead(admin, lead_name="Asha")
    assert is_signed(receiver.wait(path)[0])
    visit.page.fill("#f-webhook_secret", "another one")
    save(visit.page)
    add_lead(admin, lead_name="Asha")
    assert is_signed(receiver.wait(path, count=2)[1], secret="another one")
    visit.page.uncheck("[name=enable_security]")
    visit.page.check("[name=webhook_secret_removed]")
    save(visit.page)
    add_lead(admin, lead_name="Asha")
    assert "webhook-signature" not in receiver.wait(path, count=3)[2].headers


def test_a_change_by_somebody_else_is_not_overwritten(visit: Visit, admin: Client, receiver: Receiver) -> None:
    name = add_webhook(admin, receiver.url())
    visit.open(f"/app/webhook/{name}")
    assert admin.put(f"/api/resource/Webhook/{name}", {"condition": "1 == 1"}).status == 200
    visit.page.fill("#f-condition", "2 == 2")
    save(visit.page)
    expect(visit.page.locator(".alert").first).to_contain_text("Somebody else has saved this webhook meanwhile")
    assert visit.page.input_value("#f-condition") == "2 == 2"
    assert webhook(admin, name)["condition"] == "1 == 1"


def test_a_webhook_is_paused_and_resumed(visit: Visit, admin: Client, receiver: Receiver) -> None:
    path = f"/{unique('paused')}"
    name = add_webhook(admin, receiver.url(path))
    visit.open(f"/app/webhook/{name}")
    visit.page.click("text=Pause >> nth=0")
    visit.page.fill("#pause-reason", "Until noon")
    with visit.page.expect_navigation():
        visit.page.click("#pause .btn-primary")
    expect(visit.page.locator(".alert")).to_contain_text("Until noon")
    add_lead(admin, lead_name="Asha")
    expect(visit.page.locator(".delivery-table tbody .state-badge")).to_have_text("Held", timeout=15_000)
    assert receiver.arrived(path) == []
    with visit.page.expect_navigation():
        visit.page.click("text=Resume")
    expect(visit.page.locator(".delivery-table tbody .state-badge")).to_have_text("Delivered", timeout=15_000)
    receiver.wait(path)


def test_a_webhook_is_deleted_after_a_question(visit: Visit, admin: Client, receiver: Receiver) -> None:
    name = add_webhook(admin, receiver.url())
    visit.open(f"/app/webhook/{name}")
    visit.page.click("[aria-label=Delete]")
    with visit.page.expect_navigation():
        visit.page.click("#delete .btn-danger")
    assert rows(admin, "Webhook", name=name) == []


def test_a_document_is_searched_as_one_types(visit: Visit, admin: Client, receiver: Receiver) -> None:
    chosen = add_lead(admin, lead_name="Chosen one")["name"]
    add_lead(admin, lead_name="Latest one")
    name = add_webhook(admin, receiver.url(), condition='doc.lead_name == "Chosen one"')
    visit.open(f"/app/webhook/{name}")
    expect(visit.page.locator("#preview")).to_contain_text("The condition is false")
    visit.page.locator("#trial-document").type(chosen)
    option = visit.page.locator("#trial-options [role=option]", has_text=chosen).first
    expect(option).to_be_visible()
    option.click()
    expect(visit.page.locator("#preview")).to_contain_text("The condition is true")


def test_recipes_are_shown_by_language(visit: Visit) -> None:
    visit.open("/app/webhook/new")
    visit.page.click(".recipes > summary")
    for language, word in (("PHP", "hash_equals"), ("Node", "timingSafeEqual"), ("Python", "compare_digest")):
        visit.page.get_by_role("tab", name=language).click()
        assert word in visit.text(f"#recipe-{language}")
    visit.page.keyboard.press("ArrowRight")
    expect(visit.page.locator("#recipe-Node")).to_be_visible()


def test_attacks_in_names_documents_and_answers_do_nothing(visit: Visit, admin: Client, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(status=500, body=ATTACK.encode(), headers={"X-Attack": ATTACK})
    add_lead(admin, lead_name=ATTACK)
    name = add_webhook(
        admin,
        receiver.url(),
        description=ATTACK,
        condition=f'doc.lead_name != "{ATTACK.replace(chr(34), "")}"',
        webhook_headers=[{"key": "X-Who", "value": "{{ doc.lead_name }}"}],
        paused_reason=ATTACK,
        paused=1,
    )
    visit.open(f"/app/webhook/{name}")
    expect(visit.page.locator("#preview-body")).to_contain_text("onerror")
    visit.page.click("[data-tests]")
    expect(visit.page.locator("#answer")).to_contain_text("Receiver failed (500)")
    assert visit.page.locator("img[src=x]").count() == 0
    assert visit.complaints == []


def test_a_change_needs_the_token_of_the_session(visit: Visit, admin: Client, receiver: Receiver) -> None:
    name = add_webhook(admin, receiver.url())
    for path in (f"{name}", f"{name}/pause", f"{name}/delete", "new", "-/check", "-/test"):
        answer = visit.context.request.post(
            f"{visit.site.url}/app/webhook/{path}", form={"request_url": "http://evil.test/", "paused": "1"}
        )
        assert answer.status == 400, path
    assert webhook(admin, name)["request_url"] == receiver.url()


@pytest.mark.parametrize("path", ["new", "one", "-/documents?webhook_doctype=Lead"])
def test_who_may_not_see_webhooks_sees_none(
    visiting: Visiting, site: ServedSite, admin: Client, receiver: Receiver, path: str
) -> None:
    email = f"{unique('ravi')}@shop.test"
    assert (
        admin.post("/api/resource/User", {"email": email, "first_name": "Ravi", "new_password": PASSWORD}).status == 200
    )
    name = add_webhook(admin, receiver.url("/secret-place"))
    add_lead(admin, lead_name="Asha")
    visit = visiting(site).log_in(email, PASSWORD)
    answer = visit.open(f"/app/webhook/{name if path == 'one' else path}")
    assert answer.status in ({200} if "documents" in path else {403})
    assert "secret-place" not in visit.page.content()
    assert "CRM-LEAD" not in visit.page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_form_is_accessible_and_fits(
    visiting: Visiting, site: ServedSite, admin: Client, receiver: Receiver, scheme: str, width: int
) -> None:
    receiver.reply = lambda _: Reply(status=500, body=b"{}")
    name = add_webhook(
        admin,
        receiver.url(),
        condition="doc.nme",
        webhook_headers=[{"key": "X-A", "value": "1"}],
        enable_security=1,
        webhook_secret=SECRET,
        enabled=0,
    )
    add_lead(admin, lead_name="Asha")
    visit = visiting(site, viewport={"width": width, "height": 800}, color_scheme=scheme).log_in()
    visit.open(f"/app/webhook/{name}")
    expect(visit.page.locator("#fault-condition")).to_contain_text("nme")
    visit.page.fill("#f-condition", "")
    for summary in visit.page.locator("main summary").all():
        summary.click()
    visit.page.click("[data-tests]")
    expect(visit.page.locator("#answer")).to_contain_text("Receiver failed")
    faults = visit.find_faults()
    assert faults == [], fault_lines(faults)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    assert deliveries(admin, name) == []
