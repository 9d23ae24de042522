"""Sends recorded exchanges to our server, in their order, with our names and times in place of the recorded ones."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.e2e.site import Answer, ServedSite

FILES = ("list", "document", "method", "auth", "errors", "v2")
_FOLDER = Path(__file__).parent / "recorded"
_SCRIPT = re.compile(r"(?<=/method/)peer_")
_GENERATED = re.compile(r"(CRM-LEAD|SAL-ORD)-\d{4}-\d{5}|[a-z0-9]{10}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
"""Names and times that a server makes up."""
_HOLDS_GENERATED = frozenset({"creation", "modified", "name"})
_SID = re.compile(r"\bsid=([^;]+)")
_INVALID_UTF8 = "\ufffd\ufffd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One exchange with a Frappe site."""

    file: str
    name: str
    request: Mapping[str, Any]
    status: int
    keys: frozenset[str]
    titles: tuple[str, ...]
    errors: tuple[Mapping[str, str], ...]
    """Type and title of each error, where version 2 of the API told them."""
    body: Any
    """What programs read of the answer; None where it was no JSON."""

    @property
    def key(self) -> str:
        """Name it among all exchanges."""
        return f"{self.file}: {self.name}"


@cache
def recorded(file: str) -> tuple[Recorded, ...]:
    """Return the exchanges of a file, in order."""
    return tuple(
        Recorded(
            file=file,
            name=exchange["name"],
            request=exchange["request"],
            status=exchange["response"]["status"],
            keys=frozenset(exchange["response"].get("keys", ())),
            titles=tuple(exchange["response"].get("titles", ())),
            errors=tuple(exchange["response"].get("errors", ())),
            body=exchange["response"]["body"],
        )
        for exchange in json.loads((_FOLDER / f"{file}.json").read_text())
    )


class Replay:
    """One run over all files; what each exchange was answered is kept under its key."""

    def __init__(self, site: ServedSite, *, limited: str) -> None:
        self.answers: dict[str, Answer] = {}
        self._site = site
        self._ours: dict[str, str] = {}
        key_and_secret = site.authorization.removeprefix("token ")
        self._credentials = {
            "<ADMIN>": site.authorization,
            "<UPPER>": f"Token {key_and_secret}",
            "<BASIC>": f"Basic {base64.b64encode(key_and_secret.encode()).decode()}",
            "<BAD SECRET>": f"token {key_and_secret.partition(':')[0]}:wrong",
            "<LIMITED>": limited,
        }

    def run(self) -> None:
        """Send everything."""
        for file in FILES:
            for exchange in recorded(file):
                answer = self._send(exchange)
                self.answers[exchange.key] = answer
                if answer.status == exchange.status and exchange.request["method"] != "GET":
                    self._learn(exchange.body, answer.json)

    def ours(self, text: str) -> str:
        """Return a recorded text with our names and times in it."""
        for theirs in sorted(self._ours, key=len, reverse=True):
            text = text.replace(theirs, self._ours[theirs])
        return text

    def _send(self, exchange: Recorded) -> Answer:
        request = exchange.request
        headers = dict(request.get("headers", {}))
        if "Authorization" in headers:
            headers["Authorization"] = self._credentials.get(headers["Authorization"], headers["Authorization"])
        if "Cookie" in headers:
            headers["Cookie"] = headers["Cookie"].replace("<SID>", self._sid())
        path = self._fill(_SCRIPT.sub("cafe.api.peer_", request["path"]), is_url=True)
        with self._site.guest() as client:
            return client.request(request["method"], path, headers=headers, body=self._body(exchange))

    def _body(self, exchange: Recorded) -> bytes | None:
        if exchange.name in {"submit", "submit again stale"}:  # the recorded body is cut: it was the order just made
            return json.dumps({"doc": self.answers[f"{exchange.file}: insert SO"].message}).encode()
        if exchange.name == "run_doc_method":  # likewise
            order = self.answers[f"{exchange.file}: get draft SO"].json["data"]
            return json.dumps({"method": "submit", "document": order}).encode()
        body = exchange.request.get("body")
        if body is None:
            return None
        return self._fill(body, is_url=False).encode().replace(_INVALID_UTF8.encode(), b"\xff\xfe")

    def _sid(self) -> str:
        found = _SID.search(self.answers["auth: login form-encoded"].headers.get("Set-Cookie", ""))
        assert found, "the login gave no session"
        return found[1]

    def _fill(self, text: str, *, is_url: bool) -> str:
        password = quote(self._site.password) if is_url else self._site.password
        return self.ours(text).replace("<ADMIN_PASSWORD>", password)

    def _learn(self, theirs: Any, ours: Any, *, key: str = "name") -> None:
        """Note our names and times where the recorded ones stand."""
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for each in theirs.keys() & ours.keys():
                self._learn(theirs[each], ours[each], key=each)
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours, strict=False):
                self._learn(one, other)
        elif key in _HOLDS_GENERATED and isinstance(ours, str) and _GENERATED.fullmatch(str(theirs)):
            self._ours.setdefault(str(theirs), ours)
