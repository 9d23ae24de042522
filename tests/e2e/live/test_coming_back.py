"""npm's ``ws`` as a client, and servers that are killed: no update lost, none shown twice, the last state right.

What the client shows is what a user of an app sees. When it is told to fetch anew, the app asks the REST API.
"""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.redis_server import running_redis
from tests.e2e.site import ROOT, Client, ServedSite
from tests.e2e.waiting import wait_for

NODE = ROOT / "tests" / "node"
CHANGES = 10


class App:
    """A mobile app on a phone, as far as it shows documents: their titles, by name."""

    def __init__(self, site: ServedSite, process: subprocess.Popen[str]) -> None:
        self._site = site
        self._process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.shown: list[str] = []
        self.fetches = 0
        """The first one included."""
        self.closes = 0
        self.titles: dict[str, str] = {}
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def look(self) -> dict[str, str]:
        """Take in what has arrived, and return what the app shows."""
        while not self._lines.empty():
            message: dict[str, Any] = json.loads(self._lines.get())
            if message["type"] == "closed":
                self.closes += 1
            elif message["type"] == "fetch":
                self.fetches += 1
                self.titles = titles_on(self._site)
            elif message["type"] == "list_update":
                self.shown.append(message["seq"])
                self.titles[message["name"]] = title_of(self._site, message["name"])
        return self.titles

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def titles_on(site: ServedSite) -> dict[str, str]:
    """Return what the REST API says."""
    with site.client() as client:
        rows = client.get("/api/resource/Diary", params={"fields": '["name", "title"]', "limit_page_length": 0}).data
    return {row["name"]: row["title"] for row in rows}


def title_of(site: ServedSite, name: str) -> str:
    with site.client() as client:
        title: str = client.get(f"/api/resource/Diary/{name}").data["title"]
    return title


def documented_client(folder: Path) -> Path:
    """Return a file with the client that docs/live.md shows."""
    text = (ROOT / "docs" / "live.md").read_text(encoding="utf-8")
    file = folder / "live.mjs"
    file.write_text(text.partition("```js\n")[2].partition("```")[0], encoding="utf-8")
    return file


@contextmanager
def running_app(site: ServedSite, *topics: str) -> Iterator[App]:
    """Run the app until the block is left."""
    node = shutil.which("node")
    if node is None or not (NODE / "node_modules" / "ws").is_dir():
        pytest.skip("node or its package ws is not installed")
    token = site.authorization.removeprefix("token ")
    client = documented_client(site.path.parent)
    command = [
        node,
        str(NODE / "live_client.mjs"),
        str(client),
        f"ws://127.0.0.1:{site.port}/ws",
        token,
        json.dumps(topics),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=NODE) as process:
        try:
            yield App(site, process)
        finally:
            process.kill()


def change(client: Client, number: int) -> None:
    """Make one document and change another."""
    made = client.post("/api/resource/Diary", {"title": f"new {number}"}).data["name"]
    client.put(f"/api/resource/Diary/{made}", {"title": f"changed {number}"})


def is_up_to_date(app: App, site: ServedSite) -> Callable[[], bool]:
    """Return whether the app shows what the site has now."""
    wanted = titles_on(site)
    return lambda: app.look() == wanted


def has_fetched(app: App, times: int) -> Callable[[], bool]:
    return lambda: app.look() is not None and app.fetches >= times


def test_a_client_of_npm_s_ws_sees_every_change_through_kills_of_the_site(copy_site: Callable[[], ServedSite]) -> None:
    site = copy_site().start()
    with running_app(site, "doctype:Diary") as app:
        wait_for("the app's start", has_fetched(app, 1))
        with site.client() as client:
            for number in range(CHANGES):
                change(client, number)
            wait_for("what was changed", is_up_to_date(app, site))
            change(client, -1)
        site.kill()
        site.start()
        wait_for("the word to fetch anew: the log was in the memory of the one that is dead", has_fetched(app, 2))
        wait_for("the app after the kill", is_up_to_date(app, site))
        assert len(app.shown) == len(set(app.shown)), "a message was shown twice"


def test_with_redis_a_client_goes_on_through_a_restart_of_the_site(
    copy_site: Callable[[], ServedSite], tmp_path: Path
) -> None:
    with running_redis(tmp_path) as redis:
        site = copy_site().start(DEMITASSE_REDIS_URL=redis.url)
        with running_app(site, "doctype:Diary") as app:
            with site.client() as client:
                wait_for("the app's start", has_fetched(app, 1))
                change(client, 1)
                wait_for("the first change", is_up_to_date(app, site))
            assert site.stop() == 0
            site.start(DEMITASSE_REDIS_URL=redis.url)
            with site.client() as client:
                change(client, 2)
            wait_for("the app after the restart", is_up_to_date(app, site), within_s=20)
            assert app.closes >= 1
            assert app.fetches == 1, "the stream outlives the server: nothing is to be fetched anew"
            assert len(app.shown) == len(set(app.shown)) == 4


def test_with_redis_no_update_is_lost_through_kills_of_the_site_and_of_redis(
    copy_site: Callable[[], ServedSite], tmp_path: Path
) -> None:
    with running_redis(tmp_path, keeps=True) as redis:
        site = copy_site().start(DEMITASSE_REDIS_URL=redis.url)
        with running_app(site, "doctype:Diary") as app:
            wait_for("the app's start", has_fetched(app, 1))
            with site.client() as client:
                for number in range(CHANGES):
                    if number == CHANGES // 2:
                        redis.kill()
                    change(client, number)
                redis.start()
                wait_for("the app after Redis was killed", is_up_to_date(app, site), within_s=20)
                change(client, -1)
            site.kill()
            site.start(DEMITASSE_REDIS_URL=redis.url)
            wait_for("the app after the site was killed", is_up_to_date(app, site), within_s=20)
            assert len(app.shown) == len(set(app.shown)), "a message was shown twice"
