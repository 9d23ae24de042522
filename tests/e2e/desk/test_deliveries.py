"""The pages of deliveries: found, read, sent again, live, and shown to nobody who may not see them."""

import json

import pytest
from playwright.sync_api import expect

from tests.e2e.desk.browser import Visit, fault_lines
from tests.e2e.desk.conftest import Visiting
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, unique, wait_for_status

PHONE = {"width": 390, "height": 800}
ATTACK = "<img src=x onerror=\"console.error('attacked')\"><script>console.error('attacked')</script>"
PASSWORD = "a long enough password"


@pytest.fixture
def failing(receiver: Receiver) -> Receiver:
    """A receiver that refuses credentials, with an attack in all that it answers."""
    receiver.reply = lambda _: Reply(
        status=401, body=ATTACK.encode(), headers={"Content-Type": "text/html", "X-Attack": ATTACK}
    )
    return receiver


@pytest.fixture
def plain_user(site: ServedSite, admin: Client) -> str:
    """A user of the Desk who may not see deliveries."""
    email = f"{unique('ravi')}@shop.test"
    values = {"email": email, "first_name": "Ravi", "new_password": PASSWORD}
    assert admin.post("/api/resource/User", values).status == 200
    return email


def failed_delivery(admin: Client, receiver: Receiver, **values: object) -> tuple[str, str]:
    """Return the webhook and the id of a delivery that waits for its second attempt for long."""
    webhook = add_webhook(admin, receiver.url(f"/{unique('f')}"), retry_schedule="600", **values)
    add_lead(admin, lead_name=ATTACK)
    name: str = wait_for_status(admin, webhook, "Retrying")["name"]
    return webhook, name


def test_an_operator_finds_a_failing_delivery_and_reads_why(visit: Visit, admin: Client, failing: Receiver) -> None:
    webhook, name = failed_delivery(admin, failing)
    visit.open("/app/deliveries")
    visit.page.fill("#filter-webhook", webhook)
    visit.page.press("#filter-webhook", "Enter")
    visit.page.wait_for_url(f"**webhook={webhook}*")
    visit.page.get_by_role("navigation", name="State").get_by_text("Retrying").click()
    visit.page.wait_for_url("**status=Retrying*")
    assert visit.texts(".delivery-table tbody .state-badge") == ["Retrying"]
    visit.page.click(".delivery-table .cell-main a")
    visit.page.wait_for_url(f"**/app/deliveries/{name}")
    told = visit.text(".alert")
    assert "Refused by the receiver (401)" in told
    assert "it wants credentials. Check the webhook's headers and secret" in told
    assert "Next attempt in" in told
    assert "UTC" in told
    assert "X-Attack" in visit.text(".attempt")
    assert "--data-raw" in visit.text("#curl-text")
    assert (visit.complaints, visit.alerts) == ([], [])


def test_what_comes_from_outside_runs_nowhere(visit: Visit, admin: Client, failing: Receiver) -> None:
    webhook, name = failed_delivery(admin, failing, webhook_headers=[{"key": "X-Note", "value": ATTACK}])
    lead = deliveries(admin, webhook)[0]["reference_document"]
    for path in (
        f"/app/deliveries?webhook={webhook}",
        f"/app/deliveries/{name}",
        f"/app/deliveries/-/why?doctype=Lead&document={lead}",
        f"/app/deliveries?text={ATTACK}&webhook={ATTACK}&code={ATTACK}&since={ATTACK}",
        f"/app/deliveries/-/why?doctype={ATTACK}&document={ATTACK}&event={ATTACK}",
        f"/app/deliveries/{ATTACK}",
    ):
        visit.open(path)
        visit.page.wait_for_selector("main")
        assert visit.page.locator("img[src=x]").count() == 0, path
    said = [each for each in visit.complaints if "status of" not in each]  # The pages that are not found say so.
    assert said == []


def test_a_search_narrows_as_one_types_and_a_chip_takes_it_away(
    visit: Visit, admin: Client, receiver: Receiver
) -> None:
    path = unique("typed")
    webhook = add_webhook(admin, receiver.url(f"/{path}"))
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, webhook, "Delivered")
    visit.open("/app/deliveries?status=Delivered")
    visit.page.type("#filter-text", path)
    expect(visit.page.locator(".delivery-table tbody .state-badge")).to_have_count(1)
    visit.page.wait_for_url(f"**/app/deliveries?status=Delivered&text={path}")
    visit.page.click(".chip")
    visit.page.wait_for_url("**/app/deliveries?status=Delivered")


def test_a_filter_that_is_none_is_told_and_kept(visit: Visit) -> None:
    visit.open("/app/deliveries?code=4x")
    assert "5xx" in visit.text(".fragment-error")
    assert visit.page.input_value("#filter-code") == "4x"


def test_new_deliveries_come_by_themselves_and_go_green(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('live')}"))
    heard: list[int] = []
    visit.page.on("response", lambda answer: heard.append(answer.status) if "/events?" in answer.url else None)
    visit.open(f"/app/deliveries?webhook={webhook}")
    expect(visit.page.locator(".delivery-table tbody")).to_contain_text("No delivery matches")
    add_lead(admin, lead_name="Asha")
    expect(visit.page.locator(".delivery-table tbody .state-badge")).to_have_text("Delivered")
    assert heard == [200]
    assert visit.complaints == []


def test_the_counts_of_states_are_live_too(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(), webhook_json='{"n": {{ doc.lead_name / 2 }} }')
    visit.open("/app/deliveries")
    before = int(visit.text("#tally-Failed") or 0)
    add_lead(admin, lead_name="Asha")
    assert admin.put(f"/api/resource/Webhook/{webhook}", {"enabled": 0}).status == 200
    expect(visit.page.locator("#tally-Failed")).to_have_text(str(before + 1))
    assert visit.page.locator(".tally").count() == 4
    assert visit.complaints == []


def test_chosen_deliveries_are_sent_again(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('again')}"))
    for number in range(3):
        add_lead(admin, lead_name=f"Lead {number}")
    wait_for("three delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 3)
    visit.open(f"/app/deliveries?webhook={webhook}")
    assert visit.page.locator("[data-replay]").is_disabled()
    visit.page.locator("input[name=delivery]").nth(0).check()
    visit.page.locator("input[name=delivery]").nth(2).check()
    assert visit.text("[data-replay]") == "Replay 2"
    visit.page.click("[data-replay]")
    expect(visit.page.locator("[data-toast]")).to_contain_text("2 deliveries are sent again")
    assert visit.path == f"/app/deliveries?webhook={webhook}"
    receiver.wait(count=5)


def test_all_that_failed_of_a_webhook_is_sent_again(visit: Visit, admin: Client, failing: Receiver) -> None:
    webhook = add_webhook(admin, failing.url(f"/{unique('all')}"), retry_schedule="0.1")
    for number in range(2):
        add_lead(admin, lead_name=f"Lead {number}")
    # Few enough that the breaker does not keep them back.
    wait_for("two failed", lambda: len(deliveries(admin, webhook, status="Failed")) == 2, within_s=30)
    failing.reply = lambda _: Reply()
    visit.open(f"/app/deliveries?webhook={webhook}&status=Failed&since=1h")
    visit.page.click("text=Replay all that failed >> nth=0")
    expect(visit.page.locator("#replay-all")).to_contain_text("2 deliveries would be sent again")
    with visit.page.expect_navigation():
        visit.page.click("#replay-all .btn-primary")
    expect(visit.page.locator("[data-toast]")).to_contain_text("2 deliveries are sent again")
    wait_for("two delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 2)
    expect(visit.page.locator(".delivery-table tbody .state-badge")).to_have_text(["Delivered"] * 2)
    assert visit.complaints == []


def test_a_delivery_is_mended_replayed_and_goes_green(visit: Visit, admin: Client, failing: Receiver) -> None:
    _, name = failed_delivery(admin, failing)
    failing.reply = lambda _: Reply()
    visit.open(f"/app/deliveries/{name}")
    visit.page.get_by_role("button", name="Try now").click()
    expect(visit.page.locator(".state-badge").first).to_have_text("Delivered")
    assert visit.texts(".attempt-title") == ["Delivered (200)", "Refused by the receiver (401)"]
    assert visit.page.get_by_role("button", name="Replay").count() == 1


def test_a_long_body_is_shown_in_part_and_downloaded_whole(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(
        admin, receiver.url(), webhook_json='{"n": "{% for i in range(9000) %}{{ doc.name }}<b>{% endfor %}"}'
    )
    add_lead(admin, lead_name="Asha")
    name = wait_for_status(admin, webhook, "Delivered")["name"]
    visit.open(f"/app/deliveries/{name}")
    assert len(visit.page.content()) < 100_000
    assert f"@{name}.body" in visit.text("#curl-text")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == receiver.wait()[0].body
    answer = visit.context.request.get(f"{visit.site.url}/app/deliveries/{name}/body")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_search_finds_a_delivery_by_its_id(visit: Visit, admin: Client, failing: Receiver) -> None:
    _, name = failed_delivery(admin, failing)
    visit.page.keyboard.press("Control+k")
    visit.page.fill("#search-input", name)
    expect(visit.page.locator("#search-options [role=option]").first).to_contain_text("Delivery · Retrying")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_url(f"**/app/deliveries/{name}")


def test_a_document_shows_its_deliveries_below_its_form(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('below')}"), webhook_docevent="on_update")
    lead = add_lead(admin, lead_name="Asha")["name"]
    visit.open(f"/app/lead/{lead}")
    panel = visit.page.locator("section", has=visit.page.locator("#deliveries-title"))
    expect(panel.locator("[data-delivery]", has_text=webhook).locator(".state-badge")).to_have_text("Delivered")
    assert admin.put(f"/api/resource/Lead/{lead}", {"territory": "Goa"}).status == 200
    expect(panel.locator("[data-delivery]", has_text=webhook)).to_have_count(2)
    panel.get_by_role("link", name="Why was an event not sent?").click()
    visit.page.wait_for_url(f"**/app/deliveries/-/why?doctype=Lead&document={lead}")
    assert visit.page.get_by_role("region", name=webhook).count() == 1
    visit.open("/app/user/Administrator")
    assert visit.page.locator("#deliveries-title").count() == 0
    assert visit.complaints == []


def test_why_is_told_for_each_webhook(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('why')}"), condition='doc.territory == "Mars"')
    lead = add_lead(admin, lead_name="Asha")["name"]
    visit.open("/app/deliveries/-/why")
    visit.page.fill("#why-doctype", "Lead")
    visit.page.fill("#why-document", lead)
    visit.page.click("text=Tell me")
    card = visit.page.get_by_role("region", name=webhook)
    expect(card).to_contain_text("Condition is false")
    expect(card).to_contain_text('doc.territory == "Mars"')


def test_pages_hold_fifty_and_lead_on_to_older_ones(visit: Visit, admin: Client, receiver: Receiver) -> None:
    webhook = add_webhook(admin, receiver.url(f"/{unique('many')}"))
    many = [{"doctype": "Lead", "lead_name": f"Lead {number}"} for number in range(55)]
    assert admin.call("frappe.client.insert_many", docs=json.dumps(many)).status == 200
    wait_for("all delivered", lambda: len(deliveries(admin, webhook, status="Delivered")) == 55)
    visit.open(f"/app/deliveries?webhook={webhook}")
    rows = visit.page.locator(".delivery-table [data-delivery]")
    assert rows.count() == 50
    first = [row.get_attribute("data-delivery") for row in rows.all()]
    visit.page.click("text=Older deliveries")
    visit.page.wait_for_url("**after=*")
    second = [row.get_attribute("data-delivery") for row in rows.all()]
    assert len(second) == 5
    assert not set(first) & set(second)
    assert not visit.page.locator("[data-live]").count()


@pytest.mark.parametrize("path", ["", "/-/rows", "/-/why?doctype=Lead&document=x", "/msg_1", "/msg_1/body"])
def test_who_may_not_see_deliveries_sees_none(visiting: Visiting, site: ServedSite, plain_user: str, path: str) -> None:
    visit = visiting(site).log_in(plain_user, PASSWORD)
    assert visit.page.get_by_role("link", name="Deliveries").count() == 0
    answer = visit.open(f"/app/deliveries{path}")
    assert answer.status == (200 if "why" in path else 403)
    assert "CRM-LEAD" not in visit.text("body")
    if "why" in path:
        assert "does not have doctype access" in visit.text(".alert")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_pages_are_accessible_and_fit(
    visiting: Visiting, site: ServedSite, admin: Client, failing: Receiver, scheme: str, width: int
) -> None:
    webhook, name = failed_delivery(admin, failing)
    lead = deliveries(admin, webhook)[0]["reference_document"]
    visit = visiting(site, viewport={"width": width, "height": 800}, color_scheme=scheme).log_in()
    for path in (
        f"/app/deliveries?webhook={webhook}",
        f"/app/deliveries/{name}",
        f"/app/deliveries/-/why?doctype=Lead&document={lead}",
    ):
        visit.open(path)
        faults = visit.find_faults()
        assert faults == [], f"{path}\n{fault_lines(faults)}"
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= width, path
    assert visit.complaints == []
