"""The form of a webhook as texts: out of a document, out of what was sent, and into what is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from demitasse.documents.model import Record
from demitasse.web.desk.request import DeskRequest

TEXTS = (
    "webhook_doctype",
    "webhook_docevent",
    "condition",
    "request_url",
    "request_method",
    "webhook_json",
    "description",
    "timeout",
    "ordering",
    "retry_schedule",
    "max_concurrency",
    "rate_limit_per_second",
    "alert_email",
    "alert_url",
    "previous_secret_until",
    "ca_certificate",
    "client_certificate",
)
CHECKS = ("enabled", "is_dynamic_url", "enable_security")
SECRETS = ("webhook_secret", "previous_secret", "client_key")
FIXED = ("webhook_doctype", "webhook_docevent")
"""Set once: a saved webhook keeps them."""

MORE = frozenset(TEXTS[7:]) | {"previous_secret", "client_key"}
"""Fields of the part that is folded away."""

DOCUMENT, FIELDS, FORM, TEMPLATE = "document", "fields", "form", "template"
MODES = {
    DOCUMENT: "The whole document",
    FIELDS: "Chosen fields",
    FORM: "Chosen fields, as a form",
    TEMPLATE: "A template",
}
_STRUCTURES = {DOCUMENT: "", FIELDS: "", FORM: "Form URL-Encoded", TEMPLATE: "JSON"}
_DEFAULTS = {"request_method": "POST", "timeout": "5", "enabled": "1", "webhook_docevent": "after_insert"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormState:
    """What stands in the form.

    Args:
        values: By field: texts; yes-or-no values as ``1`` or empty. Secrets are only what was typed anew.
        stored_secrets: Fields with a secret that is kept unless another is typed, or it is removed.
        removed_secrets: Fields whose secret is to be removed.
        modified: When the document that was opened had been saved, as it goes back to the server.
    """

    name: str
    values: Mapping[str, str]
    headers: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, str], ...] = ()
    mode: str = DOCUMENT
    stored_secrets: frozenset[str] = frozenset()
    removed_secrets: frozenset[str] = frozenset()
    modified: str = ""

    def get(self, field: str) -> str:
        """Return what stands in a field."""
        return self.values.get(field, "")

    def has_more(self) -> bool:
        """Return whether anything is set in the part that is folded away."""
        return any(self.get(field) not in {"", "0", _DEFAULTS.get(field, "")} for field in MORE)


def blank() -> FormState:
    """Return the form of a new webhook."""
    return FormState(name="", values=_DEFAULTS)


def of_record(record: Record, *, zone: tzinfo) -> FormState:
    """Return the form of a stored webhook."""
    values = {field: _text(record[field], zone) for field in TEXTS}
    values |= {field: "1" if record[field] else "" for field in CHECKS}
    rows = tuple((row["fieldname"] or "", row["key"] or "") for row in record.rows("webhook_data"))
    structure = record["request_structure"] or ""
    mode = DOCUMENT
    if structure == _STRUCTURES[FORM]:
        mode = FORM
    elif (record["webhook_json"] or "").strip() and (structure == _STRUCTURES[TEMPLATE] or not rows):
        mode = TEMPLATE
    elif rows:
        mode = FIELDS
    return FormState(
        name=record.name,
        values=values,
        headers=tuple((row["key"] or "", row["value"] or "") for row in record.rows("webhook_headers")),
        rows=rows,
        mode=mode,
        stored_secrets=frozenset(field for field in SECRETS if record[field]),
        modified=record.modified.astimezone(zone).replace(tzinfo=None).isoformat(" ", "microseconds")
        if record.modified
        else "",
    )


def of_request(request: DeskRequest, stored: FormState | None) -> FormState:
    """Return the form as it was sent; ``stored`` is that of the webhook which is being changed."""
    sent = dict(request.form)
    values = {field: sent.get(field, "").replace("\r\n", "\n") for field in (*TEXTS, *SECRETS)}
    values |= {field: "1" if sent.get(field) else "" for field in CHECKS}
    if stored is not None:
        values |= {field: stored.get(field) for field in FIXED}
    mode = sent.get("mode", DOCUMENT)
    return FormState(
        name=stored.name if stored is not None else " ".join(sent.get("name", "").split()),
        values=values,
        headers=_pairs(request, "header_key", "header_value"),
        rows=_pairs(request, "row_field", "row_key"),
        mode=mode if mode in MODES else DOCUMENT,
        stored_secrets=stored.stored_secrets if stored is not None else frozenset(),
        removed_secrets=frozenset(field for field in SECRETS if sent.get(f"{field}_removed")),
        modified=sent.get("modified", ""),
    )


def to_values(state: FormState, *, is_stored: bool) -> dict[str, Any]:
    """Return the form as the fields of a Webhook, for what REST takes too.

    A body that is not chosen is dropped, as what is sent follows from what is there.
    """
    values: dict[str, Any] = {field: state.get(field) or None for field in TEXTS}
    values |= {field: int(bool(state.get(field))) for field in CHECKS}
    for field in SECRETS:
        if state.get(field):
            values[field] = state.get(field)
        elif field in state.removed_secrets:
            values[field] = None
    values["request_structure"] = _STRUCTURES[state.mode]
    values["webhook_headers"] = [{"key": key, "value": value} for key, value in state.headers]
    values["webhook_data"] = (
        [{"fieldname": field, "key": key or field} for field, key in state.rows] if state.mode in {FIELDS, FORM} else []
    )
    if state.mode == DOCUMENT:
        values["webhook_json"] = None
    if state.name:
        values["name"] = state.name
    if is_stored:
        for field in FIXED:
            values.pop(field)
        values["modified"] = state.modified
    return values


def _pairs(request: DeskRequest, first: str, second: str) -> tuple[tuple[str, str], ...]:
    firsts = [value.strip() for name, value in request.form if name == first]
    seconds = [value.strip() for name, value in request.form if name == second]
    return tuple((one, other) for one, other in zip(firsts, seconds, strict=False) if one or other)


def _text(value: Any, zone: tzinfo) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None).isoformat("T", "seconds")
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
