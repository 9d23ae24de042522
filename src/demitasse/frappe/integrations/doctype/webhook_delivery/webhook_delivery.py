"""Looking at deliveries over HTTP: ``/api/method/frappe.integrations.doctype.webhook_delivery.webhook_delivery.<name>``.

Deliveries hold what documents held when they were sent, so only those may see them who may read every Webhook Delivery:
System Managers, unless the site gives the DocType to others.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Reach
from demitasse.delivery import curl, wording
from demitasse.delivery.pretty import pretty
from demitasse.delivery.redaction import redact_headers, redact_url
from demitasse.documents import access, store
from demitasse.documents.errors import InvalidFieldValue
from demitasse.frappe.context import Call, current
from demitasse.frappe.integrations.arguments import at_most, in_zone, moment
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.outbox import browsing, detail
from demitasse.outbox.errors import UnknownDelivery
from demitasse.outbox.filtering import Filters
from demitasse.outbox.history import Row
from demitasse.outbox.model import DeliveryState

DELIVERY = "Webhook Delivery"
MOST_COUNTED = 1_000
_MOST_LISTED = 200
_PLACE_PARTS = 2
_CODES = re.compile(r"(?:([1-5])xx|(\d{1,3})(?:-(\d{1,3}))?)\Z", re.IGNORECASE)


@whitelist(methods=["GET", "POST"])
def find(
    status: Any = None,
    webhook: str | None = None,
    reference_doctype: str | None = None,
    reference_document: str | None = None,
    code: Any = None,
    since: Any = None,
    until: Any = None,
    text: str | None = None,
    limit: Any = 50,
    after: Any = None,
) -> dict[str, Any]:
    """Return deliveries that match, newest first; what is not given does not narrow.

    Args:
        status: One, or several as a list or with commas between them.
        code: Of the last answer: ``404``, ``5xx``, ``400-499``, or ``0`` for none.
        since: The time of the event, at the earliest, in site time.
        text: Anywhere in the id, the document's name, the URL or the body.
        after: ``next`` of the page before.

    Returns:
        ``deliveries``, ``next`` where there is more, and ``looked_back_to``: where the search took long, the moment up to
        which it has looked; go on with ``next``.
    """
    call = current()
    check_may_read(call)
    chosen = Filters(
        states=_states(status),
        webhook=webhook or None,
        doctype=reference_doctype or None,
        document=reference_document or None,
        codes=_codes(code),
        since=moment(call, since, doctype=DELIVERY, field="since"),
        until=moment(call, until, doctype=DELIVERY, field="until"),
        text=(text or "").strip() or None,
    )
    page = browsing.find(call.tx, chosen, after=_place(after), limit=at_most(limit, _MOST_LISTED))
    took = detail.durations(call.tx, page.rows)
    return {
        "deliveries": [_listed(call, row, took.get(row["name"])) for row in page.rows],
        "next": [page.following[0].isoformat(), page.following[1]] if page.following else None,
        "looked_back_to": page.looked_back_to and page.looked_back_to.astimezone(call.site.settings.zone),
    }


@whitelist(methods=["GET", "POST"])
def show(delivery: str) -> dict[str, Any]:
    """Return one delivery: where it stands, what it sends, its attempts with their answers, and a command to repeat it."""
    call = current()
    check_may_read(call)
    found = detail.find(call.tx, delivery)
    if found is None:
        message = f"There is no {DELIVERY} {delivery}: it may have been deleted by the retention of logs"
        raise UnknownDelivery(message, delivery=delivery)
    row = found.row
    url = _url(call, row)
    body = row["data"] or ""
    shown: Mapping[str, Any] = {
        **{key: value for key, value in row.items() if key not in {"data", "headers"}},
        "url": redact_url(url),
        "headers": redact_headers(found.headers),
        "body": body,
        "pretty_body": pretty(body, content_type=row["content_type"] or ""),
        "body_bytes": len(body.encode()),
        "has_body": row["data"] is not None,
        "due_at": found.due_at,
        "headline": _headline(row, found.attempts),
        "document_exists": _exists(call, row["reference_doctype"], row["reference_document"]),
        "webhook_exists": _exists(call, "Webhook", row["webhook"]),
        "curl": _curl(found, url, body),
    }
    return {**in_zone(call, shown), "attempts": [_attempt(call, attempt) for attempt in found.attempts]}


@whitelist(methods=["GET", "POST"])
def tally() -> dict[str, int]:
    """Return how many deliveries are in which state; one more than ``MOST_COUNTED`` stands for all that are more."""
    call = current()
    check_may_read(call)
    return browsing.tallies(call.tx, most=MOST_COUNTED)


def check_may_read(call: Call) -> None:
    """Refuse who may not read every delivery.

    Raises:
        NotPermitted: the roles do not allow it.
    """
    if access.check_doctype(call.site.documents.registry.get(DELIVERY), "read", call.actor) is not Reach.ALL:
        message = "Deliveries show what documents held, so they are for those who may read all of them"
        raise NotPermitted(message, doctype=DELIVERY, action="read")


def _listed(call: Call, row: Row, duration_ms: int | None) -> dict[str, Any]:
    url = {} if row["url"] is None else {"url": redact_url(row["url"])}
    return in_zone(call, {**row, **url, "duration_ms": duration_ms})


def _attempt(call: Call, row: Row) -> dict[str, Any]:
    answered = json.decode(row["response_headers"] or "{}")
    kind = next((value for name, value in answered.items() if name.lower() == "content-type"), "")
    shown = {
        **row,
        "headers": json.decode(row["headers"] or "{}"),
        "response_headers": answered,
        "pretty_response": pretty(row["response"] or "", content_type=kind),
        "response_truncated": bool(row["response_truncated"]),
        "headline": wording.headline(row["outcome"] or "", row["status_code"] or 0),
    }
    return in_zone(call, shown)


def _headline(row: Row, attempts: Sequence[Row]) -> str:
    if not attempts:
        return "The body could not be made" if row["error"] else "Not sent yet"
    return wording.headline(attempts[-1]["outcome"] or "", attempts[-1]["status_code"] or 0)


def _url(call: Call, row: Row) -> str:
    """Return where a delivery goes: its own URL, that of its webhook, or of its last attempt when that is gone."""
    if row["url"]:
        return str(row["url"])
    context = call.site.documents
    webhook = store.find(context, call.tx, context.registry.get("Webhook"), row["webhook"])
    return str(webhook["request_url"] or "").strip() if webhook else ""


def _curl(found: detail.Delivery, url: str, body: str) -> str | None:
    if found.row["data"] is None:
        return None
    # Those of the last attempt have the signature that this body went out with.
    sent = json.decode(found.attempts[-1]["headers"] or "{}") if found.attempts else {}
    headers = list((sent or redact_headers(found.headers)).items())
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("Content-Type", found.row["content_type"] or "application/json"))
    return curl.command(
        method=found.row["request_method"] or "POST",
        url=redact_url(url),
        headers=headers,
        body=body,
        body_file=f"{found.row['name']}.body",
    )


def _exists(call: Call, doctype: str | None, name: str | None) -> bool:
    kind = call.site.documents.registry.find(doctype or "")
    return kind is not None and not kind.is_single and bool(name) and store.exists(call.tx, kind, name or "")


def _states(value: Any) -> frozenset[DeliveryState]:
    found = json.decode(value) if isinstance(value, str) and value.lstrip().startswith("[") else value
    names = found.split(",") if isinstance(found, str) else found or []
    known = {state.value.lower(): state for state in DeliveryState}
    try:
        return frozenset(known[str(name).strip().lower()] for name in names if str(name).strip())
    except KeyError as error:
        message = f"{error.args[0]!r} is no state: there are {', '.join(state.value for state in DeliveryState)}"
        raise InvalidFieldValue(message, doctype=DELIVERY, field="status") from error


def _codes(value: Any) -> tuple[int, int] | None:
    text = "" if value is None else str(value).strip()
    if not text:
        return None
    match = _CODES.match(text)
    if match is None:
        message = f"{text!r} is no status code: write 404, 5xx, 400-499, or 0 for no answer"
        raise InvalidFieldValue(message, doctype=DELIVERY, field="code")
    hundred, first, last = match.groups()
    if hundred:
        return int(hundred) * 100, int(hundred) * 100 + 99
    return int(first), int(last or first)


def _place(value: Any) -> browsing.Place | None:
    if not value:
        return None
    found = json.decode(value) if isinstance(value, str) else value
    if isinstance(found, list) and len(found) == _PLACE_PARTS and all(isinstance(part, str) for part in found):
        try:
            at = datetime.fromisoformat(found[0])
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return at, found[1]
    message = "after must be what `next` of the page before was"
    raise InvalidFieldValue(message, doctype=DELIVERY, field="creation")
