"""Node is the oracle: what is written is byte for byte what ``JSON.stringify(JSON.parse(text))`` gives back."""

import base64
import copy
import json
import math
import random
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demitasse.events.body import FieldRow, compile_body
from demitasse.events.errors import UnwritableValue
from demitasse.events.javascript_json import canonical, canonical_text, js_number
from demitasse.kernel.json import MalformedJson
from tests.unit.events.orders import row, scope

PROGRAM = """
const lines = require("node:readline").createInterface({ input: process.stdin });
lines.on("line", (line) => {
  let result = "!";
  try {
    result = JSON.stringify(JSON.parse(Buffer.from(line, "base64").toString("utf8")));
  } catch {}
  process.stdout.write(Buffer.from(result, "utf8").toString("base64") + "\\n");
});
"""
REFUSED = b"!"
Node = Callable[[str | bytes], bytes]


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Give what Node makes of a JSON text; one process answers all of a module."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    with subprocess.Popen([program, "-e", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def ask(text: str | bytes) -> bytes:
            content = text.encode() if isinstance(text, str) else text
            stdin.write(base64.b64encode(content) + b"\n")
            stdin.flush()
            return base64.b64decode(stdout.readline())

        yield ask
        stdin.close()
        process.wait(timeout=10)


TEXTS = st.text(st.characters() | st.sampled_from('"\\/\n\b\x1f\x7f\u2028\ud800\udbff\udc00\udfff\U0001f366'))
INDICES = st.integers(0, 2**32 + 1).map(str) | st.sampled_from(
    ["0", "00", "-0", "-1", "1.0", "4294967294", "4294967295"]
)
KEYS = st.text(max_size=4) | INDICES | st.sampled_from(["__proto__", "constructor", "toJSON", "length", ""])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=25,
)


@example(value={"b": 1.0, "10": -0.0, "9": 1e21, "__proto__": {"1": "\ud83c", "0": "\ud83c\udf66"}})
@given(value=JSON)
def test_a_value_is_written_as_node_writes_it(node: Node, value: Any) -> None:
    expected = node(json.dumps(value))
    assert canonical(copy.deepcopy(value)) == expected
    assert canonical_text(json.dumps(value)) == expected
    assert canonical_text(json.dumps(value, indent=1)) == expected


@given(literal=st.from_regex(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_number_is_written_as_node_writes_it_however_it_was_spelled(node: Node, literal: str) -> None:
    if math.isinf(float(literal)):
        with pytest.raises(UnwritableValue):
            canonical_text(literal)
    else:
        assert canonical_text(f"[{literal}]") == node(f"[{literal}]")


def test_doubles_of_every_size_are_written_as_node_writes_them(node: Node) -> None:
    seeded = random.Random(20)
    bits = (struct.unpack("<d", seeded.randbytes(8))[0] for _ in range(20_000))
    powers = (sign * base * 10.0**power for power in range(-30, 31) for base in (1, 1.5, 9.999999) for sign in (1, -1))
    numbers = [number for number in (*bits, *powers) if math.isfinite(number)]
    expected = node(json.dumps(numbers))
    assert "[" + ",".join(map(js_number, numbers)) + "]" == expected.decode()
    assert canonical(numbers) == expected


@given(pairs=st.lists(st.tuples(KEYS, st.integers(0, 9)), max_size=12))
def test_keys_that_are_repeated_stand_where_node_puts_them(node: Node, pairs: list[tuple[str, int]]) -> None:
    text = "{" + ",".join(f"{json.dumps(key)}: {value}" for key, value in pairs) + "}"
    assert canonical_text(text) == node(text)


@example(text="01")
@example(text="[1,]")
@example(text="\ufeff[]")
@example(text='"\x7f"')
@example(text="1\xa0")
@given(text=st.lists(st.sampled_from([*'[]{}",:01.eE+- \n\t\\u\0', "true", "null", '"a"']), max_size=12).map("".join))
def test_what_node_does_not_take_for_json_is_refused(node: Node, text: str) -> None:
    try:
        written = canonical_text(text)
    except MalformedJson:
        written = REFUSED
    except UnwritableValue:  # a number without a double: Node makes it null
        return
    assert written == node(text)


@given(
    text=TEXTS, number=st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.decimals(-(10**20), 10**20)
)
def test_every_body_stays_as_it_is_when_node_reads_and_writes_it(node: Node, text: str, number: Any) -> None:
    rendered = scope(note=text, total=number, items=[row(text, number)])
    template = '{"1": "{{ doc.note }}", "0": {{ doc.total }}, "note": {{ doc.note }}, "items": {{ doc.items|tojson }}}'
    rows = (FieldRow(field="note", key=text), FieldRow(field="total", key="7"), FieldRow(field="items", key="rows"))
    for body in (compile_body(template), compile_body(rows=rows), compile_body()):
        content = body.render(rendered).content
        assert node(content) == content
