"""Which way deliveries of a site leave: through the operator's proxy, and to hosts that documents may choose."""

from collections.abc import Callable

from tests.e2e.receiver import Receiver
from tests.e2e.site import ServedSite
from tests.e2e.transports.receiver import OK, answer
from tests.e2e.transports.receiver import Receiver as Proxy
from tests.e2e.webhooks import add_lead, add_webhook, wait_for_status


def test_deliveries_go_through_the_proxy_that_the_operator_names(copy_site: Callable[[], ServedSite]) -> None:
    with Proxy(answer(OK)) as proxy:
        site = copy_site().start(DEMITASSE_WEBHOOK_PROXY=f"http://127.0.0.1:{proxy.port}")
        with site.client() as admin:
            name = add_webhook(admin, "http://shop.example.com/hook")
            add_lead(admin, lead_name="Asha")
            wait_for_status(admin, name, "Delivered", within_s=20)
    assert [request.partition(b" HTTP")[0] for request in proxy.requests] == [b"POST http://shop.example.com/hook"]


def test_a_document_does_not_choose_who_gets_its_webhook(
    copy_site: Callable[[], ServedSite], receiver: Receiver
) -> None:
    site = copy_site().start(DEMITASSE_WEBHOOK_ALLOW_HOSTS='["localhost"]')
    with site.client() as admin:
        name = add_webhook(admin, "http://{{ doc.company_name }}/hook", is_dynamic_url=1, retry_schedule="60")
        add_lead(admin, lead_name="Asha", company_name=f"127.0.0.1:{receiver.port}")
        delivery = wait_for_status(admin, name, "Retrying", within_s=20)
    assert "webhook_dynamic_hosts" in delivery["error"]
    assert receiver.arrived() == []
