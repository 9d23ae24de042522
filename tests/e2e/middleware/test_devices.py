"""Device tokens end to end: made by the command, shown by phones, revoked; and what is served without them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from demitasse.middleware.devices import create_device
from demitasse.middleware.store import Store
from tests.e2e.middleware.plant import SECRET, Shop
from tests.e2e.site import MadeSite, run_command
from tests.e2e.waiting import wait_for


@pytest.fixture(scope="module")
def guarded(made_shop: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A served shop that asks for device tokens."""
    made = Shop(made_shop, tmp_path_factory.mktemp("guarded"), DEVICE_TOKENS="required", CORS_ORIGINS="*")
    try:
        yield made.start()
    finally:
        made.close()


def token_command(shop: Shop, *arguments: str) -> str:
    """Run ``demitasse middleware token`` on the shop's data, and return what it printed."""
    done = run_command("middleware", "token", *arguments, "--data-dir", str(shop.middleware.folder))
    assert done.returncode == 0, done.stderr
    return done.stdout


def new_token(shop: Shop, name: str) -> str:
    """Make a token beside the running middleware, as the command does."""
    store = Store(shop.middleware.folder)
    try:
        return create_device(store, name, now_s=int(time.time()))[1]
    finally:
        store.close()


def next_of(socket: ClientConnection, kind: str) -> dict[str, object]:
    """Return the next message of a kind."""
    while True:
        message: dict[str, object] = json.loads(socket.recv(timeout=10))
        if message["type"] == kind:
            return message


def test_a_phone_with_a_token_reads_orders_and_listens(guarded: Shop) -> None:
    token = new_token(guarded, "Asha's phone")
    with guarded.middleware.client(token) as phone, guarded.middleware.client() as stranger:
        assert stranger.get("/api/products").status == 401
        assert guarded.order(stranger).status == 401
        assert len(phone.get("/api/products").json["products"]) == 14
        with connect(
            guarded.middleware.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}
        ) as socket:
            socket.send(json.dumps({"type": "subscribe", "topics": ["stock"]}))
            next_of(socket, "up-to-date")
            assert guarded.order(phone, "IC-SHK-CHOC", 2).status == 200
            update = next_of(socket, "stock_update")
    facts = {key: update[key] for key in ("item_code", "actual_qty", "reserved_qty", "projected_qty")}
    assert facts == {"item_code": "IC-SHK-CHOC", "actual_qty": 1000, "reserved_qty": 2, "projected_qty": 998}


def test_a_browser_shows_its_token_in_the_first_message(guarded: Shop) -> None:
    token = new_token(guarded, "browser")
    with connect(guarded.middleware.websocket_url) as socket:
        socket.send(json.dumps({"type": "auth", "token": token}))
        socket.send(json.dumps({"type": "subscribe", "topics": ["stock", "secrets", "orders:somebody"]}))
        assert next_of(socket, "refused")["topic"] == "secrets"
        assert next_of(socket, "refused")["topic"] == "orders:somebody"
        next_of(socket, "up-to-date")


@pytest.mark.parametrize("first", [{"type": "auth", "token": "dmt_x"}, {"type": "subscribe", "topics": ["stock"]}])
def test_who_shows_no_token_hears_nothing(guarded: Shop, first: dict[str, object]) -> None:
    with connect(guarded.middleware.websocket_url) as socket:
        socket.send(json.dumps(first))
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=10)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401


def test_a_wrong_token_in_the_header_is_refused_at_the_door(guarded: Shop) -> None:
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(guarded.middleware.websocket_url, additional_headers={"Authorization": "Bearer dmt_x"}),
    ):
        pass
    assert caught.value.response.status_code == 401


def test_a_ticket_opens_one_stream_of_events(guarded: Shop) -> None:
    token = new_token(guarded, "events")
    with guarded.middleware.client(token) as phone:
        ticket = phone.post("/events/ticket").json["ticket"]
    url = f"{guarded.middleware.url}/events?topic=stock&ticket={ticket}"
    with requests.get(url, stream=True, timeout=10) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        assert next(line for line in stream.iter_lines(chunk_size=1) if b"up-to-date" in line)
    assert requests.get(url, timeout=10).status_code == 401


def test_a_revoked_token_ends_also_what_is_open(guarded: Shop) -> None:
    token = json.loads(token_command(guarded, "create", "lost phone", "--json"))["token"]
    with (
        guarded.middleware.client(token) as phone,
        connect(guarded.middleware.websocket_url, additional_headers={"Authorization": f"Bearer {token}"}) as socket,
    ):
        socket.send(json.dumps({"type": "subscribe", "topics": ["stock"]}))
        next_of(socket, "up-to-date")
        token_command(guarded, "revoke", "lost phone")
        assert phone.get("/api/products").status == 401
        with pytest.raises(ConnectionClosed) as caught:
            next_of(socket, "nothing")
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 4401
    listed = json.loads(token_command(guarded, "list", "--json"))
    (lost,) = [device for device in listed if device["name"] == "lost phone"]
    assert lost["revoked_at"] is not None
    assert token not in json.dumps(listed)


def test_a_queued_order_is_told_to_its_own_phone_only(guarded: Shop) -> None:
    tokens = [new_token(guarded, "first"), new_token(guarded, "second")]
    ids = [token.split("_")[1] for token in tokens]
    guarded.site.kill()
    with guarded.middleware.client(tokens[0]) as phone, guarded.middleware.client(tokens[1]) as other:
        answer = guarded.order(phone, order_id="wait-1", queue=True)
        assert (answer.status, answer.json["status"]) == (202, "queued")
        assert other.get("/api/orders/wait-1").status == 404
        with connect(guarded.middleware.websocket_url) as socket:
            socket.send(json.dumps({"type": "auth", "token": tokens[0]}))
            socket.send(json.dumps({"type": "subscribe", "topics": [f"orders:{ids[0]}"]}))
            next_of(socket, "up-to-date")
            guarded.site.start()
            update = next_of(socket, "order_update")
        assert (update["key"], update["status"], update["success"]) == ("wait-1", "done", True)
        told = wait_for("the order", lambda: phone.get("/api/orders/wait-1").json)
        assert told["order_id"] == update["order_id"]


def test_a_page_of_another_origin_may_ask_with_a_token(guarded: Shop) -> None:
    token = new_token(guarded, "web app")
    headers = {"Origin": "https://shop.example.com", "Authorization": f"Bearer {token}"}
    answer = requests.get(f"{guarded.middleware.url}/api/products", headers=headers, timeout=10)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://shop.example.com")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"HOST": "0.0.0.0"}, "DEVICE_TOKENS=required"),
        ({"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET is missing"),
        ({"MAPPING_FILE": "/nowhere.toml"}, "MAPPING_FILE"),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR"),
    ],
)
def test_it_says_why_it_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    good = {
        "ERPNEXT_URL": "http://127.0.0.1:9",
        "ERPNEXT_API_KEY": "key",
        "ERPNEXT_API_SECRET": "secret-of-the-site",
        "WEBHOOK_SECRET": SECRET,
        "PORT": "0",
        "DATA_DIR": str(tmp_path / "data"),
    }
    for name, value in {**good, **settings}.items():
        monkeypatch.setenv(name, value)
    done = run_command("middleware")
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr
    assert "secret-of-the-site" not in done.stderr
