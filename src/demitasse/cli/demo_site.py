"""A served site in a process of its own, and a client for it."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from demitasse.app.install import NewSite
from demitasse.kernel.errors import DemitasseError

_STARTS_WITHIN_S = 30.0
_STOPS_WITHIN_S = 15.0
_TIMEOUT_S = 30.0


class SiteRefused(DemitasseError):
    """The site did not start, or refused a request."""

    code = "site_refused"


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])


def until_ready(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Wait until a server that was just started answers at a URL.

    Raises:
        SiteRefused: it ended, or took too long.
    """
    deadline = time.perf_counter() + _STARTS_WITHIN_S
    while time.perf_counter() < deadline:
        if process.poll() is not None:
            message = f"the server for {url} ended at once with code {process.returncode}: is its port taken?"
            raise SiteRefused(message)
        try:
            if requests.get(url, timeout=1).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    message = f"the server for {url} did not answer within {_STARTS_WITHIN_S:.0f} s"
    raise SiteRefused(message)


class Browser:
    """A browser with its cookies; it stops at each redirect, so that the tour can show them."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url

    def get(self, where: str) -> requests.Response:
        """Return the answer to a GET of a path of the site, or of a whole address."""
        url = self._url + where if where.startswith("/") else where
        return self._session.get(url, timeout=_TIMEOUT_S, allow_redirects=False)


class SiteProcess:
    """Runs ``demitasse start`` for as long as its block lasts."""

    def __init__(self, path: Path, made: NewSite, *, port: int) -> None:
        self._path = path
        self._port = port
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"token {made.api_key}:{made.api_secret}"

    @property
    def url(self) -> str:
        """Where the site is served."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        start = "from demitasse.cli.main import main; main()"
        arguments = ["start", "--site", str(self._path), "--port", str(self._port)]
        self._process = subprocess.Popen([sys.executable, "-c", start, *arguments])  # noqa: S603 - our own command
        try:
            until_ready(self._process, f"{self.url}/readyz")
        except SiteRefused:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """Return the JSON that a GET answers."""
        return self._checked(self._session.get(self.url + path, params=params, timeout=_TIMEOUT_S))

    def post(self, path: str, body: Any) -> Any:
        """Return the JSON that a POST answers."""
        return self._checked(self._session.post(self.url + path, json=body, timeout=_TIMEOUT_S))

    def put(self, path: str, body: Any) -> Any:
        """Return the JSON that a PUT answers."""
        return self._checked(self._session.put(self.url + path, json=body, timeout=_TIMEOUT_S))

    @contextmanager
    def browser(self, user: str, password: str) -> Iterator["Browser"]:
        """Log a user in, as a browser does, for as long as the block lasts."""
        with requests.Session() as session:
            session.trust_env = False
            login = {"usr": user, "pwd": password}
            answer = session.post(f"{self.url}/api/method/login", data=login, timeout=_TIMEOUT_S)
            if not answer.ok:
                message = f"{user} could not log in: {answer.text[:300]}"
                raise SiteRefused(message)
            yield Browser(session, self.url)

    def post_as_guest(self, path: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        """Return the answer to a POST of JSON bytes without credentials, whatever its status."""
        given = {"Content-Type": "application/json", **headers}
        with requests.Session() as session:
            session.trust_env = False
            return session.post(self.url + path, data=body, headers=given, timeout=_TIMEOUT_S)

    def _checked(self, response: requests.Response) -> Any:
        if not response.ok:
            message = f"{response.request.method} {response.url} answered {response.status_code}: {response.text[:500]}"
            raise SiteRefused(message)
        return response.json()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
