"""Frames and events; the library `websockets` has the last word on frames."""

import json

import pytest
from websockets.frames import Frame, Opcode

from demitasse.live.model import Entry, make_message, sse_event, text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_frames_are_what_the_library_would_send(size: int) -> None:
    body = b"x" * size
    assert text_frame(body) == Frame(Opcode.TEXT, body).serialize(mask=False)


@pytest.mark.parametrize("payload", [{}, {"a": 1}, {"text": 'Zürich\n\u2028 "quoted"', "nested": {"b": [1, None]}}])
def test_an_entry_says_where_it_stands_and_what_it_carries(payload: dict[str, object]) -> None:
    entry = Entry(make_message('doc:Lead/A"b', "doc_update", payload), epoch="life", place=(7,), ordinal=3, at_s=0.0)
    assert json.loads(entry.body) == {"seq": "life-7", "topic": 'doc:Lead/A"b', "type": "doc_update", **payload}
    assert entry.frame.endswith(entry.body)


def test_an_event_has_its_cursor_as_id_and_one_line_of_data() -> None:
    entry = Entry(make_message("t", "x", {"text": "two\nlines\r"}), epoch="life", place=(7, 1), ordinal=3, at_s=0.0)
    event = entry.event("life")
    assert event == b"id: life-7-1\ndata: " + entry.body + b"\n\n"
    assert event.count(b"\n") == 3
    assert b"\r" not in event
    assert sse_event(b"{}", None) == b"data: {}\n\n"
