import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.transports.errors import UnusableRequest
from demitasse.transports.headers import check_header, check_method, header_lines, parse_head


def lines_of(*headers: tuple[str, str]) -> list[str | bytes]:
    return [
        line for line in header_lines(headers) if line not in {"Expect:", "Accept-Encoding: identity", "Content-Type:"}
    ]


def head(text: str) -> list[bytes]:
    return [line.encode("latin-1") + b"\r\n" for line in text.split("\n")]


def test_headers_become_lines_in_order() -> None:
    assert lines_of(("X-One", "1"), ("Content-Type", "application/json"), ("X-One", "2")) == [
        "X-One: 1",
        "Content-Type: application/json",
        "X-One: 2",
    ]


def test_libcurl_adds_nothing_of_its_own() -> None:
    assert "Expect:" in header_lines(())
    assert "Accept-Encoding: identity" in header_lines(())
    assert "Content-Type:" in header_lines(())
    assert "Content-Type:" not in header_lines((("content-type", "text/plain"),))


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_value_is_sent_and_does_not_remove_the_header(value: str) -> None:
    assert lines_of(("X-Empty", value)) == ["X-Empty;"]


def test_values_beyond_ascii_are_utf8() -> None:
    assert lines_of(("X-Name", "caf\u00e9")) == [b"X-Name: caf\xc3\xa9"]
    assert lines_of(("X-Name", "a\u00a0\tb")) == ["X-Name: a\u00a0\tb".encode()]


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\x00b", "a\x0bb", "a\x7f", "\n"])
def test_control_characters_in_a_value_are_refused(value: str) -> None:
    with pytest.raises(UnusableRequest, match="control") as raised:
        header_lines((("X-Name", value),))
    assert raised.value.data == {"header": "X-Name"}


@pytest.mark.parametrize("name", ["", "X Name", "X-Name:", "X-Name\r\n", "X\x00", "\u00dcber", "X@", "(x)"])
def test_a_name_must_be_a_token(name: str) -> None:
    with pytest.raises(UnusableRequest):
        header_lines(((name, "1"),))


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "CONTENT-LENGTH",
        "transfer-encoding",
        "Connection",
        "Expect",
        "Upgrade",
        "TE",
        "Accept-Encoding",
        "Trailer",
    ],
)
def test_headers_that_frame_the_message_cannot_be_set_by_hand(name: str) -> None:
    with pytest.raises(UnusableRequest, match="set by the sender"):
        check_header(name, "1")


def test_a_header_can_be_checked_where_it_is_typed() -> None:
    check_header("X-Name", "value")
    with pytest.raises(UnusableRequest):
        check_header("X-Name", "a\nb")


def test_a_surrogate_is_refused() -> None:
    with pytest.raises(UnusableRequest):
        header_lines((("X-Name", "\ud800"),))


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=12))))
def test_no_header_ever_breaks_out_of_its_line(headers: list[tuple[str, str]]) -> None:
    try:
        lines = header_lines(headers)
    except UnusableRequest:
        return
    for line in lines:
        raw = line if isinstance(line, bytes) else line.encode("ascii")
        assert not set(raw) & {0, 10, 13}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "GET"])
def test_known_methods_pass(method: str) -> None:
    check_method(method)


@pytest.mark.parametrize("method", ["", "post", "HEAD", "CONNECT", "TRACE", "POST /x HTTP/1.1\r\nX: 1"])
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(UnusableRequest):
        check_method(method)


def test_a_head_is_read() -> None:
    headers, is_whole = parse_head(head("HTTP/1.1 200 OK\nServer: x\nSet-Cookie: a=1\nset-cookie:b=2 \nEmpty:\n"))
    assert headers == (("Server", "x"), ("Set-Cookie", "a=1"), ("set-cookie", "b=2"), ("Empty", ""))
    assert is_whole


def test_informational_answers_and_trailers_are_left_out() -> None:
    lines = head("HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nServer: x\n\nX-Trailer: 1\n")
    assert parse_head(lines) == ((("Server", "x"),), True)
    assert parse_head(lines[:-1]) == ((("Server", "x"),), True)


def test_a_folded_header_is_one() -> None:
    folded = head("HTTP/1.1 200 OK\nX-Long: a\n  b\n\tc:d\nServer: x\n")
    assert parse_head(folded) == ((("X-Long", "a b c:d"), ("Server", "x")), True)


def test_a_fold_without_a_header_is_dropped() -> None:
    assert parse_head(head("HTTP/1.1 200 OK\n  b\nServer: x\n")) == ((("Server", "x"),), True)


@pytest.mark.parametrize(
    "lines", [["HTTP/1.1 200 OK", "A: 1"], ["HTTP/1.1 100 Continue", "", "HTTP/1.1 200 OK", "A: 1"]]
)
def test_a_head_that_broke_off_is_read_as_far_as_it_came(lines: list[str]) -> None:
    assert parse_head(head("\n".join(lines))) == ((("A", "1"),), False)


def test_no_head_is_no_whole_head() -> None:
    assert parse_head([]) == ((), False)


def test_bare_line_feeds_end_a_head_too() -> None:
    assert parse_head([b"HTTP/1.1 200 OK\n", b"A: 1\n", b"\n"]) == ((("A", "1"),), True)


def test_bytes_beyond_ascii_are_kept() -> None:
    assert parse_head(head("HTTP/1.1 200 OK\nX-Name: caf\u00e9\n"))[0] == (("X-Name", "caf\u00e9"),)
