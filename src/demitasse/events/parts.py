"""A webhook part by part, before it is saved: what each part gives for a document, and what is wrong with it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from demitasse.events.body import FieldRow, RenderedBody, Structure, compile_body
from demitasse.events.condition import compile_condition
from demitasse.events.errors import ContentError
from demitasse.events.template import compile_text
from demitasse.kernel.errors import DemitasseError

T = TypeVar("T")
_MARKS = ("{{", "{%", "{#")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with one field of a webhook.

    Args:
        line: Of the field's text, from 1; ``None`` where no line is to blame.
    """

    field: str
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the parts of a webhook give for one document; ``None`` where a part has a fault, or there is no document.

    Args:
        holds: Whether the condition is true.
        headers: Those without a fault.
    """

    holds: bool | None
    url: str | None
    headers: tuple[tuple[str, str], ...]
    body: RenderedBody | None
    faults: tuple[Fault, ...]


def look(row: Mapping[str, Any], scope: Mapping[str, object] | None) -> Parts:
    """Compile each part of a webhook, and work it out for the document in scope.

    Args:
        row: As for ``compile_subscription``.
        scope: See ``scope.event_scope``; ``None``: the parts are only compiled.
    """
    looking = _Looking(scope)
    condition = (row.get("condition") or "").strip()
    url = (row.get("request_url") or "").strip()
    has_template = bool((row.get("webhook_json") or "").strip())
    body_field = "webhook_json" if has_template else "webhook_data"
    return Parts(
        holds=looking.work_out("condition", lambda: compile_condition(condition).holds),
        url=looking.work_out("request_url", lambda: _text(url)) if row.get("is_dynamic_url") else url,
        headers=tuple(looking.header(number, *pair) for number, pair in enumerate(row["headers"], start=1)),
        body=looking.work_out(body_field, lambda: _body(row)),
        faults=tuple(looking.faults),
    )


class _Looking:
    """Collects faults."""

    def __init__(self, scope: Mapping[str, object] | None) -> None:
        self._scope = scope
        self.faults: list[Fault] = []

    def work_out(
        self, field: str, make: Callable[[], Callable[[Mapping[str, object]], T]], *, place: str = ""
    ) -> T | None:
        try:
            run = make()
            return None if self._scope is None else run(self._scope)
        except DemitasseError as error:
            self.faults.append(Fault(field=field, message=place + error.message, line=error.data.get("line")))
            return None

    def header(self, number: int, name: str, value: str) -> tuple[str, str]:
        if not any(mark in value for mark in _MARKS):
            return name, value
        place = f"Row #{number} ({name}): "
        return name, self.work_out("webhook_headers", lambda: _text(value), place=place) or ""


def _text(source: str) -> Callable[[Mapping[str, object]], str]:
    return compile_text(source, single_line=True).render


def _body(row: Mapping[str, Any]) -> Callable[[Mapping[str, object]], RenderedBody]:
    rows = tuple(FieldRow(field=field, key=key or field) for field, key in row["data"])
    try:
        structure = Structure(row.get("request_structure") or "")
    except ValueError as error:
        message = f"There is no request structure {row['request_structure']!r}"
        raise ContentError(message) from error
    return compile_body(row.get("webhook_json"), rows=rows, structure=structure).render
