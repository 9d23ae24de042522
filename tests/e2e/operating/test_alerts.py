"""People and programs hear of webhooks that were paused and of deliveries that failed."""

import json
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.mailbox import Mailbox
from tests.e2e.receiver import Arrived, Receiver, Reply
from tests.e2e.site import Client, ServedSite
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import add_lead, add_webhook, deliveries, rows, unique, wait_for_status


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as listening:
        yield listening


@pytest.fixture
def mailing(copy_site: Callable[[], ServedSite], mailbox: Mailbox) -> Iterator[Client]:
    """Administrator on a site that has a mail server."""
    site = copy_site().start(
        DEMITASSE_MAIL_SERVER="127.0.0.1",
        DEMITASSE_MAIL_PORT=str(mailbox.port),
        DEMITASSE_AUTO_EMAIL_ID="site@shop.test",
    )
    with site.client() as client:
        yield client


def answering(**statuses: int) -> Callable[[Arrived], Reply]:
    """Return what answers by path; 200 elsewhere."""
    return lambda arrived: Reply(status=statuses.get(arrived.path.strip("/"), 200))


def test_the_owner_hears_of_a_paused_webhook_by_mail_by_post_and_by_document(
    mailing: Client, mailbox: Mailbox, receiver: Receiver
) -> None:
    receiver.reply = answering(gone=410)
    webhook = add_webhook(
        mailing, receiver.url("/gone"), alert_email="owner@shop.test", alert_url=receiver.url("/alerts")
    )
    add_lead(mailing, lead_name="Asha")

    mail = mailbox.wait()[0]
    assert (mail["To"], mail["From"]) == ("owner@shop.test", "site@shop.test")
    assert webhook in mail["Subject"]
    assert "410" in mail.get_content()
    posted = json.loads(receiver.wait("/alerts")[0].body)
    assert (posted["kind"], posted["webhook"]) == ("webhook_paused", webhook)
    kinds = [row["kind"] for row in rows(mailing, "Webhook Alert", webhook=webhook)]
    assert "webhook_paused" in kinds


def test_of_many_failed_deliveries_one_mail_tells(mailing: Client, mailbox: Mailbox, receiver: Receiver) -> None:
    receiver.reply = answering(bad=500)
    webhook = add_webhook(mailing, receiver.url("/bad"), retry_schedule="0.1", alert_email="owner@shop.test")
    for _ in range(2):
        add_lead(mailing, lead_name="Asha")
    wait_for("two alerts", lambda: len(rows(mailing, "Webhook Alert", webhook=webhook)) == 2)
    mailbox.wait()
    failed = {row["delivery"] for row in rows(mailing, "Webhook Alert", webhook=webhook, kind="delivery_failed")}
    assert failed == {row["name"] for row in deliveries(mailing, webhook, status="Failed")}
    assert len(mailbox.messages) == 1


def test_other_webhooks_may_listen_to_alerts_and_never_to_their_own(admin: Client, receiver: Receiver) -> None:
    receiver.reply = answering(bad=410, ops=410)
    listener = add_webhook(
        admin, receiver.url("/ops"), webhook_doctype="Webhook Alert", webhook_docevent="after_insert"
    )
    webhook = add_webhook(admin, receiver.url("/bad"))
    add_lead(admin, lead_name=unique("Asha"))
    told = json.loads(receiver.wait("/ops")[0].body)
    assert told["webhook"] == webhook
    assert told["kind"] in {"webhook_paused", "delivery_failed"}
    # The listener is refused too and is paused for it; of that there is no alert to which it would have to listen.
    wait_for("the listener's pause", lambda: rows(admin, "Webhook", name=listener, paused=1))
    add_lead(admin, lead_name=unique("Asha"))
    assert rows(admin, "Webhook Alert", webhook=listener) == []


def test_a_site_without_a_mail_server_delivers_on(admin: Client, receiver: Receiver) -> None:
    receiver.reply = answering(gone=410)
    add_webhook(admin, receiver.url("/gone"), alert_email="owner@shop.test")
    well = add_webhook(admin, receiver.url("/well"))
    add_lead(admin, lead_name="Asha")
    wait_for_status(admin, well, "Delivered")
