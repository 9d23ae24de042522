"""App code that asks another service, over HTTP: a failure stands in the Error Log, and the key nowhere."""

import pytest

from tests.e2e.integrations.conftest import TILL
from tests.e2e.receiver import Receiver, Reply
from tests.e2e.site import Client

KEY = TILL["service_key"]
ASK = "/api/method/till.api.ask"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_failure_is_logged_though_the_call_is_rolled_back(owner: Client, receiver: Receiver, method: str) -> None:
    receiver.reply = lambda _: Reply(status=401, body=b"Invalid API key")
    answer = owner.request(method, ASK, params={"url": receiver.url("/data")})
    assert answer.status == 417
    assert "401" in answer.text
    errors = owner.get("/api/resource/Error Log", params={"fields": '["method", "error"]'})
    assert [row["method"] for row in errors.data] == ["Asking failed"]
    assert "HTTPError: 401" in errors.data[0]["error"]
    fields = '["status", "status_code", "url", "data", "output", "error"]'
    asked = owner.get("/api/resource/Integration Request", params={"fields": fields})
    [row] = asked.data
    assert (row["status"], row["status_code"], row["output"]) == ("Failed", 401, "Invalid API key")
    assert row["data"] == '{"params":{"appid":"***"}}'
    assert receiver.arrived()[0].path == f"/data?appid={KEY}"
    for told in (answer.text, errors.text, asked.text):
        assert KEY not in told


def test_an_answer_is_given_on(owner: Client, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(body=b'{"temperature": 31}', headers={"Content-Type": "application/json"})
    assert owner.get(ASK, params={"url": receiver.url("/data")}).message == {"temperature": 31}
