"""What a mapping must keep to beyond the form of its tables: pure."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from demitasse.middleware.mapping import CreateRoute, Mapping, Push

RESERVED = frozenset({"/", "/ws", "/events", "/events/ticket", "/healthz", "/readyz", "/metrics", "/openapi.json"})
RESERVED_BELOW = ("/assets/", "/files/", "/phone/")
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
DAY = re.compile(r"today(?:\+([0-9]{1,4}))?\Z")


def problems(mapping: Mapping) -> Iterator[str]:
    """Yield what is wrong, each with its place."""
    try:
        ZoneInfo(mapping.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        yield f"time_zone: {mapping.time_zone!r} is not a known zone: write one such as Asia/Kolkata"
    yield from _of_paths(mapping)
    for index, create in enumerate(mapping.creates):
        yield from _of_create(create, f"create[{index}]")
    lists = {route.path for route in mapping.lists}
    seen: set[str] = set()
    for index, push in enumerate(mapping.pushes):
        if push.type in seen:
            yield f"push[{index}].type: {push.type} is there twice"
        seen.add(push.type)
        yield from _of_push(push, f"push[{index}]", lists)


def _of_create(create: CreateRoute, place: str) -> Iterator[str]:
    for field in sorted(create.rows.keys() & (create.fields.keys() | create.set.keys())):
        yield f"{place}.rows.{field}: the field is filled twice"
    for field in sorted(create.fields.keys() & create.set.keys()):
        yield f"{place}.fields.{field}: the field is also in set; one of them must go"
    if create.reference_from and create.reference is None:
        yield f"{place}.reference_from: name the field that keeps it too, as reference"
    for field, value in create.set.items():
        if isinstance(value, str) and value.startswith("today") and not DAY.match(value):
            yield f"{place}.set.{field}: write today, or today+ and a number of days, not {value!r}"


def _of_push(push: Push, place: str, lists: set[str]) -> Iterator[str]:
    for path in push.invalidates:
        if path not in lists:
            yield f"{place}.invalidates: there is no list at {path}"
    if push.key is not None and push.key not in push.needs:
        yield f"{place}.key: {push.key} must be among needs"
    for name in ("seq", "topic", "type"):
        if name in push.fields:
            yield f"{place}.fields: {name} belongs to the protocol of live push"
    for topic in push.topics:
        for name in PLACEHOLDER.findall(topic):
            if name not in push.needs:
                yield f"{place}.topics: {{{name}}} in {topic!r} must be among needs"
        if topic.startswith("orders:"):
            yield f"{place}.topics: orders: is where each phone hears of its own orders"


def _of_paths(mapping: Mapping) -> Iterator[str]:
    taken: dict[tuple[str, str], str] = {}
    routes = (
        ("webhook", "POST", mapping.webhook),
        *((f"list[{index}]", "GET", route.path) for index, route in enumerate(mapping.lists)),
        *((f"create[{index}]", "POST", route.path) for index, route in enumerate(mapping.creates)),
        *((f"call[{index}]", route.method, route.path) for index, route in enumerate(mapping.calls)),
    )
    for place, method, path in routes:
        if path in RESERVED or path.startswith(RESERVED_BELOW):
            yield f"{place}: {path} is the middleware's own; choose another path"
        other = taken.setdefault((method, path), place)
        if other != place:
            yield f"{place}: {method} {path} is already the path of {other}"
