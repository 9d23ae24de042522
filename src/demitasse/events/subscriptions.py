"""Which webhook listens to which event of which DocType, compiled once and kept until one changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.events.body import Body, FieldRow, RenderedBody, Structure, compile_body
from demitasse.events.condition import Condition, compile_condition
from demitasse.events.errors import ContentError
from demitasse.events.store import enabled_webhooks
from demitasse.events.template import TextTemplate, compile_text
from demitasse.kernel.errors import DemitasseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a webhook asks to be sent for one document.

    Args:
        url: The URL where it depends on the document, else ``None``: the webhook's own is used when it is sent.
        headers: Names and values; a value may name a secret (``env:``, ``conf:``), which is resolved when it is sent.
    """

    url: str | None
    method: str
    headers: tuple[tuple[str, str], ...]
    body: RenderedBody


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One webhook, compiled. ``fault`` says why it could not be; its events then fail with that reason."""

    webhook: str
    doctype: str
    event: str
    method: str
    keeps_order: bool
    is_held: bool
    condition: Condition | None = None
    body: Body | None = None
    url: TextTemplate | None = None
    headers: tuple[tuple[str, str | TextTemplate], ...] = ()
    fault: DemitasseError | None = None

    def holds(self, scope: Mapping[str, object]) -> bool:
        """Return whether the condition is true.

        Raises:
            ConditionError: it cannot be worked out.
        """
        if self.fault is not None:
            raise self.fault
        return self.condition is None or self.condition.holds(scope)

    def render(self, scope: Mapping[str, object]) -> Request:
        """Return the request for the document in scope.

        Raises:
            TemplateError: a template fails, or the body is too large.
        """
        if self.body is None:
            message = f"Webhook {self.webhook} was not compiled"
            raise self.fault or ContentError(message)
        body = self.body.render(scope)
        headers = [(key, value if isinstance(value, str) else value.render(scope)) for key, value in self.headers]
        if not any(key.lower() == "content-type" for key, _ in headers):
            headers.insert(0, ("Content-Type", body.content_type))
        return Request(
            url=self.url.render(scope) if self.url else None,
            method=self.method,
            headers=tuple(headers),
            body=body,
        )


def compile_subscription(row: Mapping[str, Any]) -> Subscription:
    """Return a webhook's row, compiled; a part that cannot be becomes its fault."""
    facts: dict[str, Any] = {
        "webhook": row.get("name") or "",
        "doctype": row.get("webhook_doctype") or "",
        "event": row.get("webhook_docevent") or "",
        "method": row.get("request_method") or "POST",
        "keeps_order": row.get("ordering") == "Per Document",
        "is_held": bool(row.get("paused")),
    }
    condition = (row.get("condition") or "").strip()
    try:
        return Subscription(
            **facts,
            condition=compile_condition(condition) if condition else None,
            body=compile_body(
                row.get("webhook_json"),
                rows=tuple(FieldRow(field=field, key=key or field) for field, key in row["data"]),
                structure=Structure(row.get("request_structure") or ""),
            ),
            url=compile_text(row.get("request_url") or "", single_line=True) if row.get("is_dynamic_url") else None,
            headers=tuple((key, _header(value)) for key, value in row["headers"]),
        )
    except DemitasseError as error:
        return Subscription(**facts, fault=error)


class Subscriptions:
    """The webhooks of a site by DocType and event. Read from the database when first needed, and after ``forget``."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[Subscription, ...]] | None = None

    def forget(self) -> None:
        """Read the webhooks anew at the next event."""
        self._found = None

    def wants(self, doctype: str, event: str) -> bool:
        """Return whether a webhook listens, or may: before the first look that is not known."""
        return self._found is None or (doctype, event) in self._found

    def listening(self, tx: Transaction, doctype: str, event: str) -> Sequence[Subscription]:
        """Return the webhooks that listen to an event of a DocType."""
        found = self._found
        if found is None:
            found = self._found = self._load(tx)
        return found.get((doctype, event), ())

    def _load(self, tx: Transaction) -> dict[tuple[str, str], tuple[Subscription, ...]]:
        by_event: dict[tuple[str, str], list[Subscription]] = {}
        for row in enabled_webhooks(tx):
            subscription = compile_subscription(row)
            by_event.setdefault((subscription.doctype, subscription.event), []).append(subscription)
        return {key: tuple(subscriptions) for key, subscriptions in by_event.items()}


def _header(value: str) -> str | TextTemplate:
    return compile_text(value, single_line=True) if "{{" in value or "{%" in value else value
