"""The ceiling of documents and lists: bare ASGI on uvicorn and raw sqlite3, with nothing in between.

``POST`` writes a row of the Lead's shape and an outbox row, durably (``synchronous=FULL``); what waits together is one
transaction. ``GET`` answers the list. No credentials, rules, names or hooks: what is left is what any server must do.
Prints ``{"port": N}`` and serves until its standard input ends.
"""

import asyncio
import socket
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import uvicorn
import uvloop

from benchmarks.payloads import LIST_FIELDS, LIST_ROWS, lead_columns, posted_body

Message = dict[str, Any]
_COLUMNS, _INDEXES = lead_columns()
_INSERT = f"INSERT INTO tabLead ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own names
_ENQUEUE = "INSERT INTO outbox (channel, order_key, due_at, payload) VALUES (?, ?, ?, ?)"
_LIST = f"SELECT {', '.join(LIST_FIELDS)} FROM tabLead ORDER BY modified DESC LIMIT {LIST_ROWS}"  # noqa: S608 - as above
_SEEDED = 1000


class Store:
    """The database, and the writes that wait for the next commit."""

    def __init__(self, path: Path) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = _connect(path)
        self._reader = _connect(path)
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[dict[str, Any]]]] = []
        self._count = 0
        self._connection.execute("BEGIN")
        for number in range(_SEEDED):
            self._insert({"lead_name": "Aarav Mehta", "email_id": f"seed-{number}@example.com"})
        self._connection.execute("COMMIT")

    def add(self, values: dict[str, Any]) -> asyncio.Future[dict[str, Any]]:
        """Write a Lead in the next commit."""
        future: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._write)
        self._waiting.append((values, future))
        return future

    def latest(self) -> bytes:
        """Return the list as JSON."""
        rows = self._reader.execute(_LIST).fetchall()
        return orjson.dumps({"data": [dict(zip(LIST_FIELDS, row, strict=True)) for row in rows]})

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._connection.execute("BEGIN IMMEDIATE")
        written = [(future, self._insert(values)) for values, future in waiting]
        self._connection.execute("COMMIT")
        for future, lead in written:
            if not future.done():
                future.set_result(lead)

    def _insert(self, values: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        moment = str(datetime.now(UTC).replace(tzinfo=None))
        lead = {
            **values,
            "name": f"CRM-LEAD-2026-{self._count:05d}",
            "owner": "Administrator",
            "creation": moment,
            "modified": moment,
            "modified_by": "Administrator",
            "docstatus": 0,
            "idx": 0,
        }
        self._connection.execute(_INSERT, tuple(map(lead.get, _COLUMNS)))
        self._connection.execute(_ENQUEUE, ("webhook", lead["name"], moment, posted_body(self._count)))
        return lead


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    columns = ", ".join(f"{name} TEXT" for name in _COLUMNS if name != "name")
    connection.execute(f"CREATE TABLE IF NOT EXISTS tabLead (name TEXT PRIMARY KEY, {columns})")
    for name in _INDEXES:
        connection.execute(f"CREATE INDEX IF NOT EXISTS lead_{name} ON tabLead ({name})")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS outbox ("
        "id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT, order_key TEXT, due_at TEXT, payload BLOB)"
    )
    return connection


def _application(store: Store) -> Callable[..., Awaitable[None]]:
    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["method"] == "GET":
            body = store.latest()
        else:
            message = await receive()
            text: bytes = message["body"]
            while message["more_body"]:
                message = await receive()
                text += message["body"]
            body = orjson.dumps({"data": await store.add(orjson.loads(text))})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


async def _serve(folder: Path) -> None:
    config = uvicorn.Config(
        _application(Store(folder / "bare.db")),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(sys.stdin.fileno())
        server.should_exit = True

    loop.add_reader(sys.stdin.fileno(), end)
    print(orjson.dumps({"port": listening.getsockname()[1]}).decode(), flush=True)
    await server.serve(sockets=[listening])


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
