"""Our answers against those of a Frappe 16 site: statuses, envelope, keys, and values where they are not chance."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.differences import DELIBERATE, Difference
from tests.e2e.replay import FILES, Recorded, Replay, recorded
from tests.e2e.site import Answer, MadeSite, run_command

CHANCE = frozenset({"creation", "modified"})
"""Given by a clock: that they are there is compared, not what they say."""
OF_ERRORS = frozenset({"exc_type", "exception", "exc"})
"""What every error of ours carries, also where Frappe's leaves some out."""
ALLOWED = frozenset({"_server_messages", "_error_message"})
"""An error of ours may tell people the reason where Frappe's tells none."""
NOT_OURS = frozenset({"_exc_source", "_debug_messages", "__unsaved", "cmd", "debug"})
"""Notes of Frappe's to itself."""
OURS = frozenset({"has_next_page"})
"""What later versions of Frappe answer beside a list of version 2 of the API."""
_LIST = re.compile(r"/(?:resource|document)/[^/?]+/?(\?|\Z)")
_CUT = re.compile(r"\.\.\. (\d+) more\Z")

EXCHANGES = {exchange.key: exchange for file in FILES for exchange in recorded(file)}


@pytest.fixture(scope="module")
def replay(made_site: MadeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """All exchanges, sent in their order to one site."""
    site = made_site.copy(tmp_path_factory.mktemp("replayed") / "site")
    done = run_command("generate-keys", "limited@example.com", "--site", str(site.path), "--json")
    assert done.returncode == 0, done.stderr
    keys = json.loads(done.stdout)
    site.start()
    try:
        run = Replay(site, limited=f"token {keys['api_key']}:{keys['api_secret']}")
        run.run()
        yield run
    finally:
        site.close()


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each.key) for each in EXCHANGES.values()])
def test_the_answer_is_as_recorded(replay: Replay, exchange: Recorded) -> None:
    answer = replay.answers[exchange.key]
    difference = DELIBERATE.get(exchange.key)
    if difference is not None:
        assert_differs(answer, difference)
        return
    assert answer.status == exchange.status, answer.text
    if exchange.request["method"] in {"HEAD", "OPTIONS"}:
        assert answer.text == ""
    elif exchange.errors:
        assert_errors(answer, exchange)
    elif exchange.status >= 400:
        assert_error(answer, exchange)
    else:
        told = answer.json
        assert told.keys() - {"_server_messages"} - OURS == exchange.keys - NOT_OURS - {"_server_messages"}
        assert _titles(told) == exchange.titles
        for key, value in exchange.body.items():
            assert_alike(told[key], value, replay, is_ordered=_is_ordered(exchange), path=key)


def test_every_listed_difference_is_of_a_recorded_exchange() -> None:
    assert DELIBERATE.keys() <= EXCHANGES.keys()


def assert_error(answer: Answer, exchange: Recorded) -> None:
    """Compare an error: its name, its keys, the titles of its messages."""
    told = answer.json
    assert isinstance(told, dict), answer.text
    wanted = (exchange.keys - NOT_OURS) | OF_ERRORS
    if exchange.body is not None:  # it was JSON, and not a page for people
        assert told["exc_type"] == exchange.body["exc_type"], answer.text
    assert told.keys() >= wanted, wanted - told.keys()
    assert told.keys() - wanted <= ALLOWED
    if set(exchange.titles) - {"Message"}:  # a title that says something
        assert _titles(told) == exchange.titles


def assert_errors(answer: Answer, exchange: Recorded) -> None:
    """Compare the errors of version 2 of the API: their types, and titles that say something."""
    told = answer.json["errors"]
    assert [error["type"] for error in told] == [error["type"] for error in exchange.errors]
    for ours, theirs in zip(told, exchange.errors, strict=True):
        assert ours["message"]
        assert ours["title"] == theirs.get("title", "Message")
        assert "exception" not in ours


def assert_differs(answer: Answer, difference: Difference) -> None:
    """Check that we differ as we mean to."""
    assert answer.status == difference.status, answer.text
    if difference.exc_type is not None:
        assert isinstance(answer.json, dict), answer.text
        if "errors" in answer.json:
            assert [error["type"] for error in answer.json["errors"]] == [difference.exc_type]
            return
        assert answer.json["exc_type"] == difference.exc_type
        assert answer.json.keys() >= OF_ERRORS


def assert_alike(ours: Any, theirs: Any, replay: Replay, *, is_ordered: bool, path: str) -> None:
    """Compare a value: documents by their fields, lists by their rows, with our names in place of theirs."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), path
        assert ours.keys() == theirs.keys() - NOT_OURS, path
        for key in theirs.keys() - CHANCE - NOT_OURS:
            assert_alike(ours[key], theirs[key], replay, is_ordered=is_ordered, path=f"{path}.{key}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list), path
        _assert_rows_alike(ours, theirs, replay, is_ordered=is_ordered, path=path)
    elif isinstance(theirs, str):
        assert ours == replay.ours(theirs), path
    else:
        assert ours == theirs, path
        assert isinstance(ours, bool) == isinstance(theirs, bool), path


def _assert_rows_alike(ours: list[Any], theirs: list[Any], replay: Replay, *, is_ordered: bool, path: str) -> None:
    cut = _CUT.match(theirs[-1]) if theirs and isinstance(theirs[-1], str) else None
    shown = theirs[:-1] if cut else theirs
    assert len(ours) == len(shown) + (int(cut[1]) if cut else 0), path
    if is_ordered:
        for place, (one, other) in enumerate(zip(ours, shown, strict=False)):
            assert_alike(one, other, replay, is_ordered=True, path=f"{path}[{place}]")
    else:
        assert {_shape(row) for row in ours} == {_shape(row) for row in shown}, path


def _shape(row: Any) -> Any:
    if isinstance(row, dict):
        return tuple(sorted(row.keys() - NOT_OURS))
    return len(row) if isinstance(row, list) else type(row)


def _is_ordered(exchange: Recorded) -> bool:
    """Say whether the order of rows is part of the answer; lists that ask for none are ordered otherwise by us."""
    request = exchange.request
    asked = f"{request['path']} {request.get('body', '')}"
    is_list = "get_list" in asked or (request["method"] == "GET" and _LIST.search(request["path"]))
    return not is_list or "order_by" in asked or "group_by" in asked


def _titles(told: dict[str, Any]) -> tuple[str, ...]:
    messages = [json.loads(message) for message in json.loads(told.get("_server_messages", "[]"))]
    return tuple(message.get("title") for message in [*messages, *told.get("messages", ())])
