"""The ceiling of a drained backlog: raw libcurl and raw sqlite3 in one process, on a copy of the site's own tables.

Each row of the queue is read with its delivery and posted; then its log row is written, its delivery marked, and it is
taken out of the queue; 128 results share a durable commit. Nothing is signed, judged or limited.

Arguments: the URL (empty: nothing is posted), the database. Prints JSON.
"""

import resource
import sqlite3
import sys
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson
import pycurl

from benchmarks.bare_posts import cpu_s, easy, headers

_CONCURRENT = 16
_READ = 256
_BATCH = 128
_NEXT = (
    'SELECT o."id", d."name", d."owner", d."creation", d."webhook", d."reference_doctype", d."reference_document", '
    'd."headers", d."data" FROM "outbox" o JOIN "tabWebhook Delivery" d ON d."name" = o."delivery" '
    'WHERE o."id" > ? ORDER BY o."id" LIMIT ?'
)
_LOG = (
    'INSERT INTO "tabWebhook Request Log" ("name", "owner", "creation", "modified", "modified_by", "webhook", '
    '"delivery", "attempt", "reference_doctype", "reference_document", "user", "request_method", "url", "headers", '
    '"data", "outcome", "status_code", "duration_ms", "response") '
    "VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, 'POST', ?, ?, ?, 'ok', ?, 1, 'ok')"
)
_MARK = (
    'UPDATE "tabWebhook Delivery" SET "status" = ?, "attempts" = 1, "status_code" = ?, "modified" = ?, '
    '"finished_at" = ? WHERE "name" = ?'
)
_UNQUEUE = 'DELETE FROM "outbox" WHERE "id" = ?'

Row = tuple[Any, ...]


class Queue:
    """The backlog: read ahead, settled in batches."""

    def __init__(self, path: str, url: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._url = url
        self._ahead: deque[Row] = deque()
        self._last = 0
        self._done: list[tuple[Row, int]] = []

    def next(self) -> Row | None:
        """Return the next row, if there is one."""
        if not self._ahead:
            self._ahead.extend(self._connection.execute(_NEXT, (self._last, _READ)))
            if not self._ahead:
                return None
            self._last = self._ahead[-1][0]
        return self._ahead.popleft()

    def done(self, row: Row, status: int) -> None:
        """Log an attempt, with others."""
        self._done.append((row, status))
        if len(self._done) >= _BATCH:
            self.settle()

    def settle(self) -> None:
        """Write what was done."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(_LOG, [self._logged(row, status) for row, status in self._done])
        moment = datetime.now(UTC).isoformat(" ", "microseconds")[:26]
        self._connection.executemany(
            _MARK, [("Delivered", status, moment, moment, row[1]) for row, status in self._done]
        )
        self._connection.executemany(_UNQUEUE, [(row[0],) for row, _ in self._done])
        self._connection.execute("COMMIT")
        self._done.clear()

    def _logged(self, row: Row, status: int) -> Row:
        _, name, owner, at, webhook, doctype, document, listed, body = row
        facts = (webhook, name, doctype, document, owner, self._url, listed, body, status)
        return (f"{name}-1", owner, at, at, owner, *facts)


def _post_all(queue: Queue, url: str) -> None:
    multi = pycurl.CurlMulti()
    handles = [easy(url) for _ in range(_CONCURRENT)]
    free, under_way = list(handles), {}
    while True:
        while free and (row := queue.next()) is not None:
            curl = free.pop()
            curl.setopt(pycurl.HTTPHEADER, headers(row[1]))
            curl.setopt(pycurl.POSTFIELDS, row[8].encode())
            multi.add_handle(curl)
            under_way[curl] = row
        if not under_way:
            break
        multi.select(1.0)
        multi.perform()
        _, succeeded, broken = multi.info_read()
        for curl in (*succeeded, *(each[0] for each in broken)):
            queue.done(under_way.pop(curl), curl.getinfo(pycurl.RESPONSE_CODE))
            multi.remove_handle(curl)
            free.append(curl)
    queue.settle()
    for curl in handles:
        curl.close()
    multi.close()


def _log_all(queue: Queue) -> None:
    while (row := queue.next()) is not None:
        queue.done(row, 200)
    queue.settle()


if __name__ == "__main__":
    target, database = sys.argv[1:]
    backlog = Queue(database, target)
    before_s, began_s = cpu_s(), time.perf_counter()
    if target:
        _post_all(backlog, target)
    else:
        _log_all(backlog)
    usage_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {"seconds": time.perf_counter() - began_s, "cpu_s": cpu_s() - before_s, "rss_mb": usage_kb / 1024}
    print(orjson.dumps(report).decode())
