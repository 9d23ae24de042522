"""A webhook's document as delivery sees it."""

from collections.abc import Callable

from demitasse.db.transaction import Transaction
from demitasse.delivery.fairness import DEFAULT_CONCURRENCY
from demitasse.delivery.policy import DEFAULT_SCHEDULE, RetrySchedule, parse_schedule
from demitasse.delivery.ports import Endpoint
from demitasse.documents import store
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import Record

_DEFAULT_TIMEOUT_S = 5
Secrets = Callable[[str], str | None]
"""Returns what a Password field holds, by its name."""


def endpoint_of(
    record: Record,
    *,
    secrets: Secrets,
    dynamic_hosts: tuple[str, ...] = (),
    site_schedule: RetrySchedule | None = None,
) -> Endpoint:
    """Return a webhook as delivery sees it; also one that has not been saved.

    Args:
        dynamic_hosts: As for ``Endpoint``.
        site_schedule: Where the webhook has none of its own.
    """
    schedule = parse_schedule(record["retry_schedule"]) if record["retry_schedule"] else site_schedule
    return Endpoint(
        url=(record["request_url"] or "").strip(),
        dynamic_hosts=dynamic_hosts,
        timeout_s=float(record["timeout"] or _DEFAULT_TIMEOUT_S),
        is_active=bool(record["enabled"]) and not record["paused"],
        secret=secrets("webhook_secret"),
        previous_secret=secrets("previous_secret"),
        previous_secret_until=record["previous_secret_until"],
        signs_for_frappe=bool(record["enable_security"]),
        rate_per_s=record["rate_limit_per_second"] or 0.0,
        ca_certificate=record["ca_certificate"],
        client_certificate=record["client_certificate"],
        client_key=secrets("client_key"),
        schedule=schedule or DEFAULT_SCHEDULE,
        max_concurrency=record["max_concurrency"] or DEFAULT_CONCURRENCY,
    )


def stored_secrets(context: DocumentContext, tx: Transaction, record: Record) -> Secrets:
    """Return what reads the secrets of a webhook; one that was typed and is not saved yet comes first."""

    def secret(field: str) -> str | None:
        typed: str = record[field] or ""
        if typed.strip("*"):
            return typed
        if not typed or record.is_new:
            return None
        return store.read_secret(context, tx, record.doctype, record.name, field)

    return secret
