"""A real site in a folder of its own: made, served by a real process, killed and started again."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

ROOT = Path(__file__).parents[2]
FIXTURE_APPS = ROOT / "tests" / "apps"
TIMEOUT_S = 20.0
_POLL_S = 0.02
COMMAND = [sys.executable, "-c", "from demitasse.cli.main import main; main()"]


def environment() -> dict[str, str]:
    """Return the environment in which our processes find the product, the apps of this checkout and the fixtures."""
    places = [ROOT / "src", FIXTURE_APPS, ROOT / "apps" / "trade", ROOT / "apps" / "scoopjoy"]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DEMITASSE_")}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, places)), "PYTHONUNBUFFERED": "1"}


def run_command(
    *arguments: str, timeout_s: float = 60, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``demitasse`` with these arguments to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env={**environment(), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSite:
    """A site as ``new-site`` left it, that nobody serves: tests take copies of it."""

    path: Path
    api_key: str
    api_secret: str
    admin_password: str

    def copy(self, path: Path) -> "ServedSite":
        """Return a copy in another folder, with the same keys."""
        shutil.copytree(self.path, path)
        return ServedSite(path, key=self.api_key, secret=self.api_secret, password=self.admin_password)


def make_site(path: Path, *, apps: Iterable[str] = (), conf: Mapping[str, Any] | None = None) -> MadeSite:
    """Make a site by the command; its webhooks may go to loopback."""
    settings = {"webhook_allow_hosts": ["127.0.0.0/8"], **(conf or {})}
    options = [
        *(part for app in apps for part in ("--app", app)),
        *(part for key, value in settings.items() for part in ("--set", f"{key}={json.dumps(value)}")),
    ]
    done = run_command("new-site", str(path), *options, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    return MadeSite(
        path=path, api_key=said["api_key"], api_secret=said["api_secret"], admin_password=said["admin_password"]
    )


@contextmanager
def served_copy(made: MadeSite, path: Path, **environ: str) -> Iterator["ServedSite"]:
    """Serve a copy of a made site in another folder, and end it."""
    served = made.copy(path)
    try:
        yield served.start(**environ)
    finally:
        served.close()


@contextmanager
def copies_on_demand(made: MadeSite, folder: Path) -> Iterator[Callable[[], "ServedSite"]]:
    """Give what makes copies that nobody serves yet; all are ended together."""
    with ExitStack() as ending:

        def copy() -> ServedSite:
            made_copy = made.copy(folder / f"site{next(numbers)}")
            ending.callback(made_copy.close)
            return made_copy

        numbers = itertools.count()
        yield copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a request was answered with."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: Any
    """The decoded body; None when it is not JSON."""

    @property
    def data(self) -> Any:
        """What a resource answers under ``data``."""
        assert isinstance(self.json, dict), f"{self.status}: {self.text[:500]}"
        assert "data" in self.json, f"{self.status}: {self.text[:500]}"
        return self.json["data"]

    @property
    def message(self) -> Any:
        """What a method answers under ``message``."""
        assert isinstance(self.json, dict), f"{self.status}: {self.text[:500]}"
        assert self.status == 200, f"{self.status}: {self.text[:500]}"
        return self.json.get("message")


class Client:
    """One user of a site over HTTP. Not for several threads at once: take one for each."""

    def __init__(self, url: str, *, authorization: str | None) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        if authorization:
            self._session.headers["Authorization"] = authorization

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def cookies(self) -> Mapping[str, str]:
        """What the site has had a browser keep."""
        return {cookie.name: cookie.value or "" for cookie in self._session.cookies}

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Answer:
        """Return what a request is answered; redirects are not followed."""
        data = body.encode() if isinstance(body, str) else body
        response = self._session.request(
            method,
            self.url + path,
            params=params,
            json=json,
            data=data,
            headers=headers,
            timeout=timeout_s,
            allow_redirects=False,
        )
        return _answer(response)

    def get(self, path: str, **options: Any) -> Answer:
        """Return what a GET is answered."""
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Return what a POST of a JSON body is answered."""
        return self.request("POST", path, json=json, **options)

    def put(self, path: str, json: Any = None, **options: Any) -> Answer:
        """Return what a PUT of a JSON body is answered."""
        return self.request("PUT", path, json=json, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        """Return what a DELETE is answered."""
        return self.request("DELETE", path, **options)

    def call(self, function: str, **arguments: Any) -> Answer:
        """Return what a whitelisted function answers to a POST of these arguments."""
        return self.post(f"/api/method/{function}", arguments)


def _answer(response: requests.Response) -> Answer:
    try:
        decoded = response.json()
    except requests.exceptions.JSONDecodeError:
        decoded = None
    return Answer(status=response.status_code, headers=response.headers, text=response.text, json=decoded)


class ServedSite:
    """A site and the process that serves it."""

    def __init__(self, path: Path, *, key: str, secret: str, password: str) -> None:
        self.path = path
        self.password = password
        self.authorization = f"token {key}:{secret}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None
        self._log = path.with_name(f"{path.name}.log")

    @property
    def is_served(self) -> bool:
        """Whether a process of ours serves the site."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """The process that serves the site."""
        assert self._process is not None, "the site is not served"
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has said, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self, **environ: str) -> Self:
        """Serve the site and wait until it answers."""
        assert self._process is None, "the site is served already"
        command = [*COMMAND, "start", "--site", str(self.path), "--port", str(self.port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env={**environment(), **environ},
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self._wait_until_healthy()
        return self

    def kill(self) -> None:
        """End the server as a crash would: no warning, nothing finished."""
        assert self._process is not None, "the site is not served"
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(TIMEOUT_S)
        self._process = None

    def stop(self) -> int:
        """Ask the server to end, and return its exit code."""
        assert self._process is not None, "the site is not served"
        self._process.terminate()
        try:
            code = self._process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(TIMEOUT_S)
            raise
        finally:
            self._process = None
        return code

    def wait_for_end(self) -> None:
        """Wait until the server has ended by itself."""
        assert self._process is not None, "the site is not served"
        self._process.wait(TIMEOUT_S)
        self._process = None

    def close(self) -> None:
        """Make sure that nothing is left running."""
        if self._process is not None:
            self.kill()

    def client(self, authorization: str | None = None) -> Client:
        """Return Administrator's client, or that of whom these credentials name."""
        return Client(self.url, authorization=authorization or self.authorization)

    def guest(self) -> Client:
        """Return a client without credentials."""
        return Client(self.url, authorization=None)

    def _wait_until_healthy(self) -> None:
        process = self._process
        assert process is not None
        until = time.monotonic() + TIMEOUT_S
        with self.guest() as guest:
            while time.monotonic() < until:
                if process.poll() is not None:
                    break
                try:
                    if guest.get("/healthz", timeout_s=1).status == 200:
                        return
                except requests.RequestException:
                    time.sleep(_POLL_S)
        self.close()
        message = f"the server did not come up:\n{self.log[-4000:]}"
        raise AssertionError(message)
