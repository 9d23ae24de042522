"""The application over ASGI: statuses, CORS, caps, and what it does not tell."""

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from demitasse.client.model import Credentials
from demitasse.kernel import json
from demitasse.middleware.application import Application
from demitasse.middleware.configuration import Configuration, DeviceTokens
from demitasse.middleware.devices import create_device
from demitasse.middleware.mapping_file import read_mapping
from demitasse.middleware.store import Store
from tests.unit.middleware.fakes import FakeSite

ORDER = {"customer": "Asha", "items": [{"sku": "IC-CONE-VAN", "qty": 2}]}


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.decode(self.body)


class Caller:
    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, *, raw: bytes = b""
    ) -> Answer:
        sent = raw if body is None else json.encode(body)
        given = {"host": "127.0.0.1:3001", **(headers or {})}
        plain, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "path": plain,
            "query_string": query.encode(),
            "client": ("127.0.0.1", 5000),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        heard: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": sent, "more_body": False}

        async def send(message: Any) -> None:
            heard.append(message)

        await self._application(scope, receive, send)
        start, *rest = heard
        found = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(status=start["status"], headers=found, body=b"".join(each["body"] for each in rest))


@asynccontextmanager
async def running(folder: Path, **settings: Any) -> AsyncIterator[tuple[Caller, Application]]:
    """An application whose site is a fake behind the port of its lists and orders."""
    configuration = replace(
        Configuration(
            site_url="http://site.test",
            credentials=Credentials(api_key="k", api_secret="s"),
            webhook_secrets=("hush",),
            folder=folder,
            shows_phone=True,
        ),
        **settings,
    )
    application = Application(configuration, read_mapping(None))
    shop = application.make()
    site = FakeSite(
        rows=[{"item_code": "IC-CONE-VAN", "show_in_website": 1, "disabled": 0, "warehouse": "Stores - SJF"}]
    )
    for cached in shop.lists.values():
        cached._ask = site.ask
    shop.orders._placing._ask = site.ask
    await application.open(shop)
    try:
        yield Caller(application), application
    finally:
        await application.close()


async def test_products_come_with_an_etag_and_are_not_sent_twice(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        first = await call("GET", "/api/products")
        assert (first.status, first.json["success"], len(first.json["products"])) == (200, True, 1)
        again = await call("GET", "/api/products", headers={"if-none-match": f'W/"x", {first.headers["etag"]}'})
        assert (again.status, again.body) == (304, b"")
        head = await call("HEAD", "/api/products")
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(first.body)))


async def test_phones_that_take_it_compressed_get_it_so(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        plain = await call("GET", "/api/products")
        packed = await call("GET", "/api/products", headers={"accept-encoding": "gzip, br"})
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == plain.body
        assert packed.headers["etag"] != plain.headers["etag"]
        for etag in (packed.headers["etag"], plain.headers["etag"]):
            assert (await call("GET", "/api/products", headers={"if-none-match": etag})).status == 304


async def test_a_full_disk_is_told_without_its_inside(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, application):
        assert application._shop is not None
        store = application._shop.keeping._store
        store._connection.execute("PRAGMA query_only = ON")
        answer = await call("POST", "/api/orders", ORDER, headers={"idempotency-key": "a"})
        assert (answer.status, answer.json["success"]) == (503, False)
        assert "readonly" not in answer.json["error"]
        store._connection.execute("PRAGMA query_only = OFF")
        assert (await call("POST", "/api/orders", ORDER, headers={"idempotency-key": "a"})).status == 200


async def test_an_order_is_answered_with_its_number_and_total(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        answer = await call("POST", "/api/orders", ORDER)
        assert answer.json == {"success": True, "order_id": "SO-2", "total": 160.0}


@pytest.mark.parametrize(
    ("raw", "status", "error"),
    [
        (b"{bad", 400, "The request's body is not valid JSON"),
        (b"[]", 400, "The request's body must be a JSON object"),
        (b"{}", 400, "customer is missing"),
        (b'{"x":"' + b"x" * 300_000 + b'"}', 413, "The request's body is too large: at most 262144 bytes are read"),
    ],
)
async def test_a_bad_order_is_told_what_is_wrong(tmp_path: Path, raw: bytes, status: int, error: str) -> None:
    async with running(tmp_path) as (call, _):
        answer = await call("POST", "/api/orders", raw=raw)
        assert (answer.status, answer.json) == (status, {"success": False, "error": error})


async def test_an_unknown_path_or_method_is_told_what_there_is(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        assert (await call("GET", "/api/nothing")).status == 404
        wrong = await call("DELETE", "/api/orders")
        assert (wrong.status, wrong.headers["allow"]) == (405, "POST, OPTIONS")


async def test_a_bug_is_told_without_its_inside(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, application):

        async def break_down(_: Any) -> Any:
            message = "secret detail"
            raise RuntimeError(message)

        application._handlers["GET", "/healthz"] = break_down
        answer = await call("GET", "/healthz")
        assert answer.status == 500
        assert answer.json["success"] is False
        assert b"secret detail" not in answer.body


async def test_a_webhook_without_a_signature_gets_the_fixed_answer(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        answer = await call("POST", "/webhooks/erpnext", {"item_code": "A"})
        assert (answer.status, answer.json) == (401, {"error": "Invalid signature"})


async def test_tokens_are_asked_for_everywhere_but_at_the_webhook(tmp_path: Path) -> None:
    store = Store(tmp_path)
    _, token = create_device(store, "phone", now_s=1)
    store.close()
    async with running(tmp_path, device_tokens=DeviceTokens.REQUIRED) as (call, _):
        for method, path in (
            ("GET", "/api/products"),
            ("GET", "/api/stock"),
            ("POST", "/api/orders"),
            ("GET", "/api/orders/1"),
            ("POST", "/events/ticket"),
        ):
            refused = await call(method, path, headers={"host": "shop.example.com"})
            assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer"), path
        shown = {"host": "shop.example.com", "authorization": f"Bearer {token}"}
        assert (await call("GET", "/api/products", headers=shown)).status == 200
        assert (await call("POST", "/events/ticket", headers=shown)).json["success"] is True


async def test_guessing_tokens_is_slowed_down(tmp_path: Path) -> None:
    async with running(tmp_path, device_tokens=DeviceTokens.REQUIRED, orders_per_minute=3) as (call, _):
        guess = {"authorization": "Bearer dmt_aaaaaaaaaa_" + "x" * 43}
        statuses = [(await call("GET", "/api/products", headers=guess)).status for _ in range(5)]
        assert statuses == [401, 401, 401, 429, 429]


async def test_pages_of_allowed_origins_may_read_the_answers(tmp_path: Path) -> None:
    async with running(tmp_path, cors_origins=("https://shop.example.com",)) as (call, _):
        asked = {"origin": "https://shop.example.com", "access-control-request-method": "POST"}
        preflight = await call("OPTIONS", "/api/orders", headers=asked)
        assert preflight.status == 204
        assert preflight.headers["access-control-allow-origin"] == "https://shop.example.com"
        assert "idempotency-key" in preflight.headers["access-control-allow-headers"]
        other = await call("OPTIONS", "/api/orders", headers={**asked, "origin": "https://evil.example.com"})
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["vary"] == "Origin"


async def test_a_page_of_elsewhere_orders_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        answer = await call("POST", "/api/orders", ORDER, headers={"origin": "https://evil.example.com"})
        assert answer.status == 403


@pytest.mark.parametrize(
    "path",
    ["/files/../api/resource/User", "/assets/a/%2e%2e/x.png", "/files/", "/private/files/x.png", "/assets//x.png"],
)
async def test_only_public_files_are_asked_for(tmp_path: Path, path: str) -> None:
    async with running(tmp_path) as (call, _):
        assert (await call("GET", path)).status == 404


async def test_the_description_lists_the_mapping_s_routes(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        described = (await call("GET", "/openapi.json")).json
        assert described["openapi"] == "3.1.0"
        assert {"/api/products", "/api/orders", "/api/orders/{key}", "/webhooks/erpnext"} <= described["paths"].keys()
        body = described["paths"]["/api/orders"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["required"] == ["customer", "items"]


async def test_the_phone_s_page_brings_its_own_rules(tmp_path: Path) -> None:
    async with running(tmp_path) as (call, _):
        page = await call("GET", "/")
        assert page.status == 200
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        assert b"http://" not in page.body.replace(b"http://www.w3.org", b"")
        for path in ("/phone/phone.css", "/phone/phone.js", "/phone/live.js", "/phone/icon.svg"):
            found = await call("GET", path)
            assert (
                found.status,
                (await call("GET", path, headers={"if-none-match": found.headers["etag"]})).status,
            ) == (200, 304)
    async with running(tmp_path, shows_phone=False) as (call, _):
        assert (await call("GET", "/")).status == 404


async def test_who_asks_too_often_is_told_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path, rate_per_minute=2) as (call, _):
        statuses = [(await call("GET", "/api/products")).status for _ in range(3)]
        assert statuses == [200, 200, 429]
