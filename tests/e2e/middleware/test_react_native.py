"""The React Native example of the docs, run as it stands there: in Node, with what a phone would bring played."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.middleware.node_phone import MODULES, NodePhone
from tests.e2e.middleware.plant import Shop
from tests.e2e.site import ROOT

_DOCS = ROOT / "docs" / "middleware.md"
_IMPORTS = re.compile(r"^import .* from .*;\n", re.MULTILINE)
_PLAYED = """
import { createRequire } from "node:module";
const Socket = createRequire(process.argv[2] + "/")("ws");
class WebSocket extends Socket {
  constructor(...given) {
    super(...given);
    this.on("error", () => {}); // As on a phone, where a socket that fails is told by onclose alone.
  }
}
const waking = [];
const AppState = { addEventListener: (_, wake) => (waking.push(() => wake("active")), { remove() {} }) };
const NetInfo = { addEventListener: () => () => {} };
const tell = (facts) => process.stdout.write(JSON.stringify(facts) + "\\n");
const base = process.argv[3];
"""
_RUN = """
const stop = connectLive({
  url: base.replace(/^http/, "ws") + "/ws",
  token: "none-is-asked-for",
  topics: ["stock"],
  onMessage: (message) => tell({ shown: message.item_code, left: message.projected_qty, from: "push" }),
  onRefetch: () => tell({ refetch: true }),
  onState: (state) => tell({ state }),
});
process.stdin.on("data", () => waking.forEach((wake) => wake()));
process.stdin.on("end", () => (stop(), process.exit(0)));
"""


def example() -> str:
    """Return the example's first block, without its imports."""
    block = re.search(r"```js\n(.*?)```", _DOCS.read_text(), re.DOTALL)
    assert block is not None
    return _IMPORTS.sub("", block[1]).replace("export function", "function")


def test_the_example_comes_back_by_itself_and_when_the_app_wakes_up(
    open_shop: Callable[..., Shop], tmp_path: Path
) -> None:
    node = shutil.which("node")
    if node is None or not (MODULES / "node_modules" / "ws").is_dir():
        pytest.skip("node or the npm package ws is not installed: scripts/install-test-services brings both")
    script = tmp_path / "example.mjs"
    script.write_text(_PLAYED + example() + _RUN)
    shop = open_shop().start()
    before = shop.stock()["projected_qty"]
    command = [node, str(script), str(MODULES), shop.middleware.url]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    try:
        phone = NodePhone(process)
        phone.wait_for({"state": "live"})
        assert phone.told[:3] == [{"state": "connecting"}, {"refetch": True}, {"state": "live"}]
        with shop.middleware.client() as client:
            assert shop.order(client).status == 200
            phone.wait_for_left(before - 1)
            shop.middleware.kill()
            phone.wait_for({"state": "offline"})
            shop.middleware.start()
            process.stdin.write("wake\n")
            process.stdin.flush()
            phone.wait_for({"state": "live"}, times=2, within_s=20)
            assert phone.count("refetch") == 2
            assert shop.order(client).status == 200
            phone.wait_for_left(before - 2, within_s=35)
        process.stdin.close()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
