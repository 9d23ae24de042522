"""What a receiver in JavaScript has after it parsed a body and wrote it again, asked of Node."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

_REWRITE = """
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const body = Buffer.from(line, "base64").toString("utf8");
  const again = JSON.stringify(JSON.parse(body));
  process.stdout.write(Buffer.from(again, "utf8").toString("base64") + "\\n");
});
"""


class JavaScript:
    """One Node process for many bodies: a line each, in base64."""

    def __init__(self, lines_in: IO[bytes], lines_out: IO[bytes]) -> None:
        self._in = lines_in
        self._out = lines_out

    def rewrite(self, body: bytes) -> bytes:
        """Return ``JSON.stringify(JSON.parse(body))``."""
        self._in.write(base64.b64encode(body) + b"\n")
        self._in.flush()
        line = self._out.readline()
        assert line, f"Node could not parse {body!r}"
        return base64.b64decode(line)


@contextmanager
def running_node() -> Iterator[JavaScript]:
    """Start Node; a test that needs it is skipped where it is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed: it says what JavaScript makes of a body")
    with subprocess.Popen([node, "-e", _REWRITE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield JavaScript(process.stdin, process.stdout)
        finally:
            process.kill()
