"""The forecast, from a weather service on loopback that also fails in every way it can."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.receiver import Receiver, Reply
from tests.e2e.scoopjoy.storefront import WEATHER_KEY
from tests.e2e.site import Answer, Client, ServedSite, served_copy
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import rows, unique

FORECAST = "scoopjoy.api.weather.fetch_weather_forecast"


def forecast(*temperatures: Any) -> bytes:
    """Return the weather service's answer with these temperatures."""
    periods = [
        {"dt_txt": f"2026-05-01 {3 * number:02}:00:00", "main": {"temp": each}, "weather": [{"main": "Clear"}]}
        for number, each in enumerate(temperatures)
    ]
    return json.dumps({"cod": "200", "list": periods}).encode()


@pytest.fixture(scope="module")
def service() -> Iterator[Receiver]:
    """The weather service; each test tells it what to answer."""
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="module")
def forecaster(made_shop: Any, service: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served shop that asks it."""
    environ = {"DEMITASSE_OPENWEATHER_BASE_URL": f"http://127.0.0.1:{service.port}/data/2.5"}
    with served_copy(made_shop, tmp_path_factory.mktemp("weather") / "shop", **environ) as served:
        yield served


@pytest.fixture
def ask(forecaster: ServedSite) -> Iterator[Callable[..., Answer]]:
    """Ask for the forecast as Administrator."""
    with forecaster.client() as client:
        yield lambda **arguments: client.call(FORECAST, **arguments)


@pytest.fixture
def owner(forecaster: ServedSite) -> Iterator[Client]:
    """Administrator on the shop that asks."""
    with forecaster.client() as client:
        yield client


def errors_about(owner: Client, city: str) -> list[str]:
    """Return what the Error Log says of a city."""
    return [row["error"] for row in rows(owner, "Error Log") if city in (row["error"] or "")]


def asked(service: Receiver, city: str) -> list[str]:
    """Return the paths that were asked for a city."""
    return [each.path for each in service.arrived() if f"q={city}&" in each.path]


def test_five_periods_are_told_with_what_they_sell(service: Receiver, ask: Callable[..., Answer]) -> None:
    service.reply = lambda _: Reply(body=forecast(41, 35, 28.4, 20, 3.5, 50))
    told = ask().message
    assert told["city"] == "Mumbai"
    assert [(each["temperature"], each["demand_multiplier"]) for each in told["forecasts"]] == [
        (41, 2.0),
        (35, 1.5),
        (28.4, 1.2),
        (20, 1.0),
        (3.5, 0.7),
    ]
    first = {"datetime": "2026-05-01 00:00:00", "temperature": 41.0, "weather": "Clear", "demand_multiplier": 2.0}
    assert told["forecasts"][0] == first
    assert asked(service, "Mumbai") == [f"/data/2.5/forecast?q=Mumbai&appid={WEATHER_KEY}&units=metric&cnt=5"]


def test_a_city_is_asked_for_once_in_a_period(service: Receiver, ask: Callable[..., Answer]) -> None:
    service.reply = lambda _: Reply(body=forecast(30))
    city, other = unique("Pune"), unique("Nashik")
    first = ask(city=city).message
    service.reply = lambda _: Reply(body=forecast(10))
    # The period may end between two questions, so what came first is not said to be all.
    again = [ask(city=each).message["forecasts"] for each in (city, city.upper(), f" {city} ")]
    assert again.count(first["forecasts"]) >= len(again) - 1
    assert 1 <= len(asked(service, city)) <= 2
    assert ask(city=other).message["forecasts"][0]["temperature"] == 10


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=401, body=b'{"cod":401, "message": "Invalid API key"}'), "openweather_api_key"),
        (Reply(status=429, body=b'{"cod":429}'), "try again later"),
        (Reply(status=500, body=b"<html>"), "status 500"),
        (Reply(status=302, headers={"Location": "/elsewhere"}), "status 302"),
        (Reply(body=b"<html>It is warm</html>"), "no forecast"),
        (Reply(body=b""), "no forecast"),
        (Reply(body=b'{"list": "warm"}'), "no forecast"),
        (Reply(body=b"\xff\x00"), "no forecast"),
        (Reply(body=b"[" * 60_000), "no forecast"),
        (Reply(body=forecast("NaN")), "no forecast"),
        (Reply(body=b" " * 1_000_000), "cannot be reached"),
        (Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"}), "cannot be reached"),
    ],
    ids=["401", "429", "500", "302", "html", "empty", "shape", "bytes", "deep", "nan", "huge", "encoding"],
)
def test_a_failure_is_told_and_logged_without_the_key(
    service: Receiver, ask: Callable[..., Answer], owner: Client, reply: Reply, reason: str
) -> None:
    service.reply = lambda _: reply
    city = unique("Goa")
    answer = ask(city=city)
    assert (answer.status, answer.json["exc_type"]) == (502, "WeatherUnavailable")
    assert reason in answer.text
    assert WEATHER_KEY not in answer.text
    assert len(asked(service, city)) == 1
    [logged] = wait_for("the Error Log", lambda: errors_about(owner, city))
    assert reason in logged
    assert WEATHER_KEY not in logged

    service.reply = lambda _: Reply(body=forecast(31))
    assert ask(city=city).message["forecasts"][0]["demand_multiplier"] == 1.2


def test_a_city_that_the_service_does_not_know_is_not_found(service: Receiver, ask: Callable[..., Answer]) -> None:
    service.reply = lambda _: Reply(status=404, body=b'{"cod":"404","message":"city not found"}')
    answer = ask(city=unique("Atlantis"))
    assert (answer.status, answer.json["exc_type"]) == (404, "DoesNotExistError")
    assert WEATHER_KEY not in answer.text


def test_a_service_that_is_down_is_told(service: Receiver, ask: Callable[..., Answer], owner: Client) -> None:
    city = unique("Delhi")
    service.down()
    try:
        answer = ask(city=city)
    finally:
        service.up()
    assert answer.status == 502
    assert "cannot be reached" in answer.text
    for told in (answer.text, *wait_for("the Error Log", lambda: errors_about(owner, city))):
        assert WEATHER_KEY not in told


def test_a_slow_service_is_left_after_ten_seconds_and_stops_nobody_else(
    service: Receiver, ask: Callable[..., Answer], owner: Client, forecaster: ServedSite
) -> None:
    service.reply = lambda _: Reply(waits_for_release=True)
    city = unique("Agra")
    with forecaster.client() as another, forecaster.guest() as guest, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(another.call, FORECAST, city=city)
        wait_for("the question", lambda: asked(service, city))
        # While it waits, others read and write.
        for number in range(5):
            assert guest.get("/healthz").status == 200
            assert owner.post("/api/resource/Brand", {"brand": f"{city} {number}"}).status == 200
        assert not waiting.done()
        answer = waiting.result()
    assert answer.status == 502
    assert "cannot be reached" in answer.text
    assert "Timeout" in answer.text
    [logged] = wait_for("the Error Log", lambda: errors_about(owner, city))
    assert WEATHER_KEY not in answer.text + logged + forecaster.log


def test_the_key_stands_nowhere_on_the_site(owner: Client, forecaster: ServedSite) -> None:
    for doctype in ("Error Log", "Integration Request"):
        assert WEATHER_KEY not in json.dumps(rows(owner, doctype))
    assert WEATHER_KEY not in forecaster.log


def test_only_who_is_logged_in_may_ask(forecaster: ServedSite) -> None:
    with forecaster.guest() as guest:
        assert guest.call(FORECAST).status in {401, 403}
