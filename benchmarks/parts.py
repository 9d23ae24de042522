"""The parts of the line, told from the frames of a stack."""

from types import FrameType
from typing import Final

BEGIN: Final = "sampling-begins"
SAMPLES: Final = "samples.json"

# The innermost frame in one of these says the part; the database's own modules count for their caller.
_PARTS: Final = (
    ("demitasse/documents/publishing", "events: match, view, render"),
    ("demitasse/events/", "events: match, view, render"),
    ("demitasse/documents/", "documents: rules, naming, rows"),
    ("demitasse/outbox/", "outbox"),
    ("demitasse/delivery/", "delivery: claim, sign, settle"),
    ("demitasse/transports/", "transports: libcurl and its sockets"),
    ("demitasse/auth/", "auth: credentials"),
    ("demitasse/web/", "web: request, envelope"),
    ("demitasse/frappe/", "app code: controller"),
    ("/trade/", "app code: controller"),
    ("demitasse/db/lanes", "db: groups, savepoints, COMMIT"),
    ("/uvicorn/", "uvicorn and the event loop"),
    ("/starlette/", "uvicorn and the event loop"),
    ("/asyncio/", "uvicorn and the event loop"),
)
_DRIVERS: Final = ("demitasse/db/transaction", "demitasse/db/sqlite")


def part_of(frame: FrameType | None) -> str:
    """Return the part of the line that a stack is in, with ``(SQL)`` where it is in the database's driver."""
    suffix = part = ""
    while frame is not None:
        path = frame.f_code.co_filename
        if not part:
            if any(place in path for place in _DRIVERS):
                suffix = " (SQL)"
            part = next((name for place, name in _PARTS if place in path), "")
        elif part == "outbox" and "demitasse/delivery/" in path:
            part = "outbox: settle, log"
        frame = frame.f_back
    if part == "outbox":
        part = "outbox: enqueue"
    return (part or "other") + suffix
