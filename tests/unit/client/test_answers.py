import json
from typing import Any

import pytest

from demitasse.client import errors, protocol
from demitasse.client.answers import has_not_happened, is_transient, plain_text, read_answer, retry_after_s
from demitasse.client.model import Answer

LIST = protocol.list_request("Item")
CALL = protocol.call_request("app.api.run")
_JSON = (("Content-Type", "application/json"),)


def answer(status: int, told: Any, **headers: str) -> Answer:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return Answer(status=status, headers=(*_JSON, *headers.items()), body=body)


def refusal(status: int, told: Any, **headers: str) -> errors.ClientError:
    with pytest.raises(errors.ClientError) as caught:
        read_answer(LIST, answer(status, told, **headers))
    return caught.value


def test_rows_are_the_result() -> None:
    assert read_answer(LIST, answer(200, {"data": [{"name": "A"}]})) == [{"name": "A"}]


def test_a_function_that_returned_nothing_gives_none() -> None:
    assert read_answer(CALL, answer(200, {})) is None


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b'{"data": [{"name": "A"}, {"na',
        b"<!DOCTYPE html><title>Sign in</title>",
        b"[]",
        b"null",
        {},
        {"message": []},
        {"data": None},
        {"data": {}},
        {"data": "ok"},
        {"data": [["A"]]},
    ],
)
def test_a_good_status_without_rows_is_no_empty_list(told: Any) -> None:
    with pytest.raises(errors.UnusableAnswer):
        read_answer(LIST, answer(200, told))


def test_a_cut_answer_is_an_error_even_if_it_is_json() -> None:
    with pytest.raises(errors.UnusableAnswer, match="too large"):
        read_answer(LIST, Answer(status=200, body=b'{"data": []}', is_cut=True))


def test_a_page_of_a_proxy_is_named_by_its_title() -> None:
    with pytest.raises(errors.UnusableAnswer, match="titled 'Sign in'") as caught:
        read_answer(LIST, answer(200, b"<html><head><title>Sign in</title>"))

    assert is_transient(caught.value)


def test_a_redirect_names_the_host_and_nothing_secret() -> None:
    error = refusal(302, b"", location="https://login.example.com/?token=hush")

    assert isinstance(error, errors.UnusableAnswer)
    assert "https://login.example.com" in error.message
    assert "hush" not in error.message
    assert not is_transient(error)


def test_messages_are_read_as_plain_text() -> None:
    inner = {"message": "Value for <strong>Item Code</strong> missing<br>Row&nbsp;1", "title": "Message"}
    error = refusal(
        417, {"exc_type": "MandatoryError", "exception": "x: y", "_server_messages": json.dumps([json.dumps(inner)])}
    )

    assert isinstance(error, errors.ValidationFailed)
    assert error.exc_type == "MandatoryError"
    assert error.messages == ("Value for Item Code missing Row 1",)
    assert "MandatoryError: Value for Item Code missing Row 1" in error.message


def test_without_messages_the_exception_tells() -> None:
    error = refusal(417, {"exc_type": "DataError", "exception": "frappe.exceptions.DataError: Field not permitted: x"})

    assert isinstance(error, errors.SiteError)
    assert error.messages == ("Field not permitted: x",)


@pytest.mark.parametrize("raw", ["", "[", "{}", '["{"]', "[1]", '["[]"]', 7, None])
def test_broken_messages_break_nothing(raw: Any) -> None:
    error = refusal(417, {"exc_type": "ValidationError", "_server_messages": raw})

    assert isinstance(error, errors.ValidationFailed)


@pytest.mark.parametrize(
    ("status", "exc_type", "kind"),
    [
        (401, "AuthenticationError", errors.NotAuthenticated),
        (401, "", errors.NotAuthenticated),
        (403, "PermissionError", errors.Forbidden),
        (404, "DoesNotExistError", errors.NotFound),
        (409, "DuplicateEntryError", errors.Duplicate),
        (409, "", errors.Conflict),
        (417, "TimestampMismatchError", errors.StaleDocument),
        (417, "LinkValidationError", errors.MissingLink),
        (417, "LinkExistsError", errors.LinkedElsewhere),
        (417, "Anything", errors.ValidationFailed),
        (429, "TooManyRequestsError", errors.RateLimited),
        (400, "", errors.SiteError),
        (500, "DuplicateEntryError", errors.ServerFailed),
        (503, "", errors.ServerFailed),
    ],
)
def test_each_refusal_has_its_type(status: int, exc_type: str, kind: type[errors.SiteError]) -> None:
    assert type(refusal(status, {"exc_type": exc_type})) is kind


def test_a_refusal_by_a_page_keeps_its_status() -> None:
    error = refusal(502, b"<html><title>502 Bad Gateway</title></html>")

    assert isinstance(error, errors.ServerFailed)
    assert error.status == 502
    assert "Bad Gateway" in error.message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(answer(429, {}, **headers)) == seconds


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refusal(503, {}), True),
        (refusal(502, b"<html>"), True),
        (refusal(500, b"<html>"), True),
        (refusal(500, {"exc_type": "ZeroDivisionError"}), False),
        (refusal(429, {}), True),
        (refusal(417, {}), False),
        (refusal(404, {}), False),
        (errors.SiteUnreachable("gone", was_sent=True), True),
    ],
)
def test_what_may_pass_is_transient(error: errors.ClientError, expected: bool) -> None:
    assert is_transient(error) is expected


def test_only_what_was_refused_before_it_began_has_surely_not_happened() -> None:
    assert has_not_happened(errors.SiteUnreachable("refused", was_sent=False))
    assert has_not_happened(refusal(429, {}))
    assert not has_not_happened(errors.SiteUnreachable("timeout", was_sent=True))
    assert not has_not_happened(refusal(503, {}))


def test_text_of_a_message_is_bounded() -> None:
    assert len(plain_text("<p>" + "a" * 10_000)) == 1000
