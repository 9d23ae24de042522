"""The tour: the whole of it on an ice-cream franchise, in a temporary folder, with receivers on loopback."""

import base64
import hashlib
import hmac
import queue
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.json import JSON
from rich.panel import Panel

from demitasse.app.install import NewSite, new_site
from demitasse.cli.demo_calendar import connect_calendar
from demitasse.cli.demo_google import CLIENT_ID, CLIENT_SECRET, GoogleService
from demitasse.cli.demo_outlet import follow_hq
from demitasse.cli.demo_phones import PhoneShop, order_on_the_phone
from demitasse.cli.demo_receiver import Receiver
from demitasse.cli.demo_site import SiteProcess, free_port
from demitasse.cli.demo_weather import KEY as WEATHER_KEY
from demitasse.cli.demo_weather import WeatherService
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.ids import random_secret

_ARRIVES_WITHIN_S = 10.0


class StepFailed(DemitasseError):
    """A step of the tour did not do what it says."""

    code = "step_failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """What the steps share."""

    out: Console
    made: NewSite
    site: SiteProcess
    crm: Receiver
    google: GoogleService
    crm_secret: str
    storefront_secret: str
    phones: PhoneShop


def run_demo(out: Console, *, keep_serving: bool, port: int) -> int:
    """Make a ScoopJoy site, walk through the steps, and return 0 when each did what it says."""
    with tempfile.TemporaryDirectory(prefix="demitasse-demo-") as folder:
        crm, weather, google = Receiver(), WeatherService(), GoogleService()
        crm_secret, storefront_secret = random_secret(), random_secret()
        phones = PhoneShop(Path(folder) / "middleware", secret=random_secret())
        try:
            out.print(Panel.fit("[bold]ScoopJoy[/bold], an ice-cream franchise, on Demitasse", border_style="cyan"))
            made = new_site(
                Path(folder) / "site",
                apps=["scoopjoy"],
                conf={
                    "crm_webhook_url": f"{crm.url}/leads",
                    "crm_webhook_secret": crm_secret,
                    "storefront_webhook_secret": storefront_secret,
                    "openweather_base_url": weather.url,
                    "openweather_api_key": WEATHER_KEY,
                    "google_calendar_base_url": google.url,
                    "google_client_id": CLIENT_ID,
                    "google_client_secret": CLIENT_SECRET,
                    "webhook_allow_hosts": ["127.0.0.0/8"],
                    **phones.settings,
                },
                tell=lambda line: out.print(f"  [dim]{line}[/dim]", highlight=False),
            )
            site = SiteProcess(Path(made.site), made, port=port or free_port())
            with phones.start(site.url, made), site:
                tour = Tour(
                    out=out,
                    made=made,
                    site=site,
                    crm=crm,
                    google=google,
                    crm_secret=crm_secret,
                    storefront_secret=storefront_secret,
                    phones=phones,
                )
                failed = _walk(tour)
                if keep_serving and not failed:
                    _keep_serving(tour)
        finally:
            crm.close()
            weather.close()
            google.close()
    return 1 if failed else 0


def _walk(tour: Tour) -> bool:
    """Do each step and tell how it went; return whether one failed."""
    for number, (title, step) in enumerate(STEPS, start=1):
        tour.out.print(f"\n[bold cyan]{number}. {title}[/bold cyan]")
        try:
            step(tour)
        except (DemitasseError, OSError, KeyError, ValueError) as error:
            tour.out.print(f"[bold red]   failed:[/bold red] {error}", highlight=False)
            return True
    tour.out.print("\n[bold green]Every step did what it says.[/bold green]")
    return False


def lead_to_crm(tour: Tour) -> None:
    """Post a Lead, and see it arrive at the CRM, signed."""
    out = tour.out
    lead = tour.site.post(
        "/api/resource/Lead",
        {
            "lead_name": 'Asha "Kulfi" Rao',
            "email_id": "asha@example.com",
            "phone": "+91 98200 12345",
            "company_name": "Rao & Daughters",
            "source": "Website",
            "territory": "India",
        },
    )["data"]
    out.print(f"   POST /api/resource/Lead  →  200, [bold]{lead['name']}[/bold]")
    try:
        received = tour.crm.requests.get(timeout=_ARRIVES_WITHIN_S)
    except queue.Empty:
        message = "the webhook did not arrive at the CRM"
        raise StepFailed(message) from None
    out.print(f"   the CRM received POST {received.path} with")
    out.print(JSON(received.body.decode(), indent=2))
    mac = hmac.new(tour.crm_secret.encode(), received.body, hashlib.sha256).digest()
    _check(
        hmac.compare_digest(base64.b64encode(mac).decode(), received.headers.get("x-frappe-webhook-signature", "")),
        "X-Frappe-Webhook-Signature is not base64(HMAC-SHA256(secret, body))",
    )
    out.print("   [green]✓[/green] X-Frappe-Webhook-Signature agrees with the raw bytes")
    _check(received.headers.get("x-source") == "erpnext-franchise", "the header X-Source is missing")
    _check(json.decode(received.body)["lead_name"] == lead["lead_name"], "the name is not the Lead's")
    row = _request_log(tour, received.headers["webhook-id"])
    out.print(
        f"   [green]✓[/green] Webhook Request Log: attempt {row['attempt']}, "
        f"status {row['status_code']}, {row['duration_ms']:.1f} ms, id {received.headers['webhook-id']}",
    )


def order_from_storefront(tour: Tour) -> None:
    """Sign an order as a storefront does, post it as a guest, and see the Sales Order and the stock that it reserved."""
    out = tour.out
    stock = tour.site.post("/api/method/scoopjoy.demo.receive_stock", {"qty": 100})["message"]
    out.print(f"   {stock} puts 100 of each item into the stores")
    order = {
        "customer_email": "ravi@example.com",
        "customer_name": "Ravi Menon",
        "items": [{"sku": "IC-CONE-VAN", "quantity": 3}, {"sku": "IC-SUN-FUDGE", "quantity": 1}],
        "delivery_address": {"line1": "12 Carter Road", "city": "Mumbai", "state": "Maharashtra", "pincode": "400050"},
        "order_id": "WEB-1001",
    }
    body = json.encode(order)
    signature = hmac.new(tour.storefront_secret.encode(), body, hashlib.sha256).hexdigest()
    path = "/api/method/scoopjoy.api.storefront.receive_order"
    refused = tour.site.post_as_guest(path, body, {"X-Storefront-Signature": signature[::-1]})
    _check(refused.status_code == 401, f"a wrong signature was answered with {refused.status_code}")  # noqa: PLR2004 - HTTP
    out.print("   [green]✓[/green] a wrong signature is refused with 401")
    answers = [tour.site.post_as_guest(path, body, {"X-Storefront-Signature": signature}) for _ in range(2)]
    _check(all(answer.ok for answer in answers), f"the order was refused: {answers[0].text[:300]}")
    taken, again = (json.decode(answer.content)["message"] for answer in answers)
    _check(taken["sales_order"] == again["sales_order"], "the same order was taken twice")
    made = tour.site.get(f"/api/resource/Sales Order/{taken['sales_order']}")["data"]
    _check(made["docstatus"] == 1, "the Sales Order is not submitted")
    out.print(
        f"   [green]✓[/green] {made['name']}: submitted, {made['customer']}, {made['order_type']}, "
        f"{made['grand_total']:.2f} {made['currency']}; sent twice, taken once",
    )
    filters = json.encode({"item_code": "IC-CONE-VAN"}).decode()
    fields = json.encode(["item_code", "actual_qty", "reserved_qty", "projected_qty"]).decode()
    (stored,) = tour.site.get("/api/resource/Bin", {"filters": filters, "fields": fields})["data"]
    _check(stored["reserved_qty"] == 3, f"the stock says {stored}")  # noqa: PLR2004 - what was ordered
    out.print(
        f"   [green]✓[/green] stock of {stored['item_code']}: {stored['actual_qty']:.0f} there, "
        f"{stored['reserved_qty']:.0f} reserved, {stored['projected_qty']:.0f} left to sell",
    )


def ask_the_weather(tour: Tour) -> None:
    """Turn a forecast into demand."""
    path = "/api/method/scoopjoy.api.weather.fetch_weather_forecast"
    forecast = tour.site.get(path, {"city": "Mumbai"})["message"]
    for period in forecast["forecasts"]:
        tour.out.print(
            f"   {period['datetime']}  {period['temperature']:5.1f} °C  {period['weather']:<8} "
            f"demand times {period['demand_multiplier']}",
        )
    multipliers = [period["demand_multiplier"] for period in forecast["forecasts"]]
    _check(multipliers == [1.0, 1.2, 1.5, 1.2, 0.7], f"the multipliers are {multipliers}")


STEPS: tuple[tuple[str, Callable[[Tour], None]], ...] = (
    ("A Lead becomes a signed webhook", lead_to_crm),
    ("A signed order from the storefront becomes a Sales Order", order_from_storefront),
    ("A weather forecast becomes a demand multiplier", ask_the_weather),
    (
        "A calendar is connected with two clicks",
        lambda tour: connect_calendar(tour.out, tour.site, tour.google, password=tour.made.admin_password),
    ),
    ("An outlet follows HQ", lambda tour: follow_hq(tour.out, tour.site, tour.made)),
    (
        "A phone orders, and every phone sees the stock move",
        lambda tour: order_on_the_phone(tour.out, tour.site, tour.phones),
    ),
)


def _request_log(tour: Tour, webhook_id: str) -> dict[str, Any]:
    """Return the log row of a delivery; it is written just after the answer came."""
    filters = json.encode({"delivery": webhook_id}).decode()
    fields = json.encode(["attempt", "status_code", "duration_ms", "error"]).decode()
    for _ in range(50):
        rows = tour.site.get("/api/resource/Webhook Request Log", {"filters": filters, "fields": fields})["data"]
        if rows:
            _check(rows[0]["status_code"] == 200, f"the log says {rows[0]}")  # noqa: PLR2004 - HTTP's word for success
            return dict(rows[0])
        time.sleep(0.1)
    message = "the request is not in the log"
    raise StepFailed(message)


def _check(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise StepFailed(message)


def _keep_serving(tour: Tour) -> None:
    tour.out.print(
        Panel(
            f"The site serves at [bold]{tour.site.url}[/bold]\n"
            f"Administrator / {tour.made.admin_password}\n"
            f"curl -H 'Authorization: token {tour.made.api_key}:{tour.made.api_secret}' "
            f"{tour.site.url}/api/resource/Lead\n"
            f"The shop on a phone: [bold]{tour.phones.page_url}[/bold] (open it twice)",
            title="Ctrl+C ends it",
            border_style="green",
        ),
        soft_wrap=True,
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        tour.out.print("Closing.")
