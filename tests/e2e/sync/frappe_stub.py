"""A site that answers as the recorded Frappe did: lists without child rows, pages, whole seconds, no sync of its own.

What it answers is taken from the recorded exchanges: ``{"data": [...]}`` for lists with every column of ``*`` (also the
empty ones), documents that leave empty fields out, 417 ValidationError for a method that it does not have.
"""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

Row = dict[str, Any]
STANDARD = ("name", "owner", "creation", "modified", "modified_by", "docstatus", "idx")


class FrappeStub:
    """Documents in memory, served on loopback until its block ends.

    Args:
        zone: Of its moments.
        columns: Of each DocType, its child tables left out.
        most: Rows that one list gives, whatever is asked for.
        whole_seconds: Filters compare moments to the second.
    """

    def __init__(
        self,
        columns: dict[str, tuple[str, ...]],
        *,
        zone: str = "UTC",
        most: int = 100,
        whole_seconds: bool = True,
        keeps_deletions: bool = True,
    ) -> None:
        self.columns = {**columns, "Deleted Document": ("deleted_name", "deleted_doctype", "new_name")}
        self.documents: dict[str, dict[str, Row]] = {name: {} for name in self.columns}
        self.zone = ZoneInfo(zone)
        self.most = most
        self.whole_seconds = whole_seconds
        self.keeps_deletions = keeps_deletions
        self.shuffles = False
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.fault: Callable[[str], tuple[int, dict[str, str], bytes] | None] = lambda _: None
        self.calls: list[str] = []
        self._guard = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                stub.answer(self)

            def do_POST(self) -> None:
                stub.answer(self)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return format_datetime(stub.clock().astimezone(UTC), usegmt=True)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, doctype: str, name: str, *, modified: str | None = None, **values: Any) -> None:
        """Write a document; its ``modified`` is now, in the site's zone."""
        now = self.clock().astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S.%f")
        row = {"name": name, "owner": "Administrator", "creation": now, "modified": modified or now}
        self.documents[doctype][name] = {**row, "modified_by": "Administrator", "docstatus": 0, "idx": 0, **values}

    def delete(self, doctype: str, name: str) -> None:
        """Delete a document as Frappe does, with a Deleted Document."""
        del self.documents[doctype][name]
        number = len(self.documents["Deleted Document"])
        self.put("Deleted Document", f"del-{number:05}", deleted_name=name, deleted_doctype=doctype, new_name=None)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path = unquote(parts.path)
        handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._guard:
            self.calls.append(path)
            fault = self.fault(path)
            status, headers, body = fault or self._answer(path, {k: v[0] for k, v in parse_qs(parts.query).items()})
        handler.send_response(status)
        length = headers.pop("Content-Length", str(len(body)))
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", length)
        handler.end_headers()
        handler.wfile.write(body)
        if int(length) != len(body):
            handler.close_connection = True

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        methods = {
            "/api/method/frappe.auth.get_logged_user": "sync@example.com",
            "/api/method/frappe.client.get_time_zone": {"time_zone": str(self.zone)},
        }
        if path in methods:
            return _json(200, {"message": methods[path]})
        if path.startswith("/api/method/"):
            said = f"Failed to get method for command {path[12:]} with No module named 'frappe.integrations.sync'"
            return _json(
                417, {"exception": f"frappe.exceptions.ValidationError: {said}", "exc_type": "ValidationError"}
            )
        doctype, _, name = path.removeprefix("/api/resource/").partition("/")
        if doctype == "Deleted Document" and not self.keeps_deletions:
            return _json(403, {"exc_type": "PermissionError"})
        if name:
            found = self.documents[doctype].get(name)
            if found is None:
                return _json(404, {"exc_type": "DoesNotExistError"})
            return _json(200, {"data": {key: value for key, value in found.items() if value is not None}})
        return _json(200, {"data": self._list(doctype, query)})

    def _list(self, doctype: str, query: dict[str, str]) -> list[Row]:
        rows = list(self.documents[doctype].values())
        for _, field, operator, value in json.loads(query.get("filters") or "[]"):
            rows = [row for row in rows if self._holds(field, row.get(field), operator, value)]
        for part in reversed((query.get("order_by") or "modified desc").split(",")):
            column, _, direction = part.strip().rpartition(" ")
            key = column.rpartition(".")[2].strip("`")
            rows.sort(key=lambda row, key=key: str(row.get(key)), reverse=direction == "desc")  # type: ignore[misc]
        start = int(query.get("limit_start") or 0)
        limit = int(query.get("limit_page_length") or 20)
        page = rows[start : start + min(limit or self.most, self.most)]
        if self.shuffles:
            page = page[1::2] + page[::2]
        asked = json.loads(query.get("fields") or '["name"]')
        names = (*STANDARD, *self.columns[doctype]) if "*" in asked else asked
        return [{name: row.get(name) for name in names} for row in page]

    def _holds(self, field: str, found: Any, operator: str, value: Any) -> bool:
        if operator == "in":
            return found in value
        if field == "modified" and self.whole_seconds:
            found, value = str(found)[:19], str(value)[:19]
        return bool(
            {
                "=": lambda: found == value,
                ">": lambda: found > value,
                ">=": lambda: found >= value,
                "<=": lambda: found <= value,
            }[operator]()
        )


def _json(status: int, body: Any) -> tuple[int, dict[str, str], bytes]:
    return status, {}, json.dumps(body).encode()
