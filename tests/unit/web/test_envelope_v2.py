"""What version 2 of the API answers."""

from typing import Any

from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.kernel import json
from demitasse.web import envelope_v2
from demitasse.web.errors import TooBusy


def told(error: Exception, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.decode(envelope_v2.failure(error, **options).body)
    return found


def test_success_is_under_data_with_messages_beside_it() -> None:
    answer = envelope_v2.success([1], messages=[{"message": "Hello"}], more={"has_next_page": False})

    assert json.decode(answer.body) == {"data": [1], "messages": [{"message": "Hello"}], "has_next_page": False}


def test_an_error_has_type_message_title_and_indicator() -> None:
    assert told(DocumentError("No such luck", title="Sorry")) == {
        "errors": [{"type": "ValidationError", "message": "No such luck", "title": "Sorry", "indicator": "red"}],
    }


def test_an_unexpected_fault_keeps_its_text_to_itself() -> None:
    shown = told(ZeroDivisionError("division by secret"))["errors"][0]

    assert shown["type"] == "ZeroDivisionError"
    assert "secret" not in json.encode(shown).decode()
    assert "exception" not in shown


def test_developers_see_the_traceback() -> None:
    shown = told(ZeroDivisionError("by zero"), developer_mode=True)["errors"][0]

    assert "ZeroDivisionError: by zero" in shown["exception"]


def test_what_was_asked_for_is_escaped_where_it_is_told_to_be_missing() -> None:
    shown = told(DocumentNotFound("Lead <script> not found"))["errors"][0]

    assert shown["message"] == "Lead &lt;script&gt; not found"


def test_a_busy_server_says_when_to_come_back() -> None:
    answer = envelope_v2.failure(TooBusy("Busy", retry_after_s=3))

    assert (answer.status, dict(answer.headers)[b"retry-after"]) == (503, b"3")
