"""Copying the webhooks of another site, a real ERPNext among them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from demitasse.app.site import Site
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.client.errors import ClientError
from demitasse.client.site import FrappeClient
from demitasse.db.transaction import Transaction
from demitasse.documents import operations
from demitasse.documents.building import new_record
from demitasse.documents.explaining import WEBHOOK
from demitasse.documents.store import exists
from demitasse.kernel.errors import DemitasseError

SecretOf = Callable[[str], str | None]
"""Returns the secret of the webhook of this name, or ``None`` when nobody gives it."""

_COPIED = (
    "webhook_doctype",
    "webhook_docevent",
    "condition",
    "request_url",
    "is_dynamic_url",
    "request_method",
    "request_structure",
    "timeout",
    "background_jobs_queue",
    "enable_security",
    "webhook_json",
    "enabled",
)
_TABLES = {"webhook_headers": ("key", "value"), "webhook_data": ("fieldname", "key")}
_UNSAID = frozenset(
    {
        "name",
        "owner",
        "creation",
        "modified",
        "modified_by",
        "docstatus",
        "idx",
        "doctype",
        "webhook_secret",
        "naming_series",
    }
)
"""What is not copied and need not be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of one webhook.

    Args:
        skipped: Why it was left out; ``None`` when it is copied, or would be by a real run.
        notes: What is different here, and what could not be taken along.
    """

    name: str
    doctype: str = ""
    event: str = ""
    skipped: str | None = None
    notes: Sequence[str] = ()


def fetch_webhooks(peer: FrappeClient) -> Iterator[Mapping[str, Any]]:
    """Yield all webhooks of another site, whole.

    Raises:
        ClientError: the site cannot be read; its user needs the role System Manager.
    """
    for row in peer.iterate(WEBHOOK):
        try:
            yield peer.get_doc(WEBHOOK, row["name"])
        except ClientError as error:
            yield {"name": row["name"], "__error": error.message}


def import_webhooks(
    site: Site,
    webhooks: Sequence[Mapping[str, Any]],
    *,
    secret_of: SecretOf,
    is_enabled: bool = True,
    is_dry_run: bool = False,
) -> list[Imported]:
    """Make these webhooks here, in one transaction; one that cannot be is left out, with the reason.

    Args:
        secret_of: Asked for each webhook that signs: no site tells its secrets.
        is_enabled: False switches all of them off, whatever they were.
        is_dry_run: Only say what would be done; everything is checked as in a real run.
    """
    secrets = {str(each["name"]): secret_of(str(each["name"])) for each in webhooks if _signs(each)}
    tx = site.database.write()
    try:
        done = [_import(site, tx, each, secrets, is_enabled=is_enabled) for each in webhooks]
        if not is_dry_run:
            tx.commit()
    finally:
        tx.rollback()
    return done


def _import(
    site: Site, tx: Transaction, told: Mapping[str, Any], secrets: Mapping[str, str | None], *, is_enabled: bool
) -> Imported:
    name = str(told["name"])
    doctype, event = str(told.get("webhook_doctype") or ""), str(told.get("webhook_docevent") or "")
    skipped = _obstacle(site, tx, told, secrets)
    if skipped is None:
        values = _values(told, secret=secrets.get(name))
        if not is_enabled:
            values["enabled"] = 0
        try:
            with tx.savepoint():
                record = new_record(site.documents, site.registry.get(WEBHOOK), values)
                operations.insert(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)
        except DemitasseError as error:
            skipped = error.message
    notes = () if skipped else tuple(_notes(told))
    return Imported(name=name, doctype=doctype, event=event, skipped=skipped, notes=notes)


def _obstacle(site: Site, tx: Transaction, told: Mapping[str, Any], secrets: Mapping[str, str | None]) -> str | None:
    name = str(told["name"])
    if "__error" in told:
        return str(told["__error"])
    if exists(tx, site.registry.get(WEBHOOK), name):
        return "a webhook of this name is here already: delete it first to copy it anew"
    if site.registry.find(str(told.get("webhook_doctype") or "")) is None:
        return f"this site has no DocType {told.get('webhook_doctype')}: install the app that brings it"
    if _signs(told) and not secrets.get(name):
        return f"it signs, and its secret was not given: add --secret '{name}=...' (or ...=env:NAME)"
    return None


def _signs(told: Mapping[str, Any]) -> bool:
    return bool(told.get("enable_security"))


def _values(told: Mapping[str, Any], *, secret: str | None) -> dict[str, Any]:
    values = {field: told[field] for field in _COPIED if told.get(field) is not None}
    for table, fields in _TABLES.items():
        values[table] = [{field: row.get(field) for field in fields} for row in told.get(table) or ()]
    values["name"] = told["name"]
    if secret:
        values["webhook_secret"] = secret
    return values


def _notes(told: Mapping[str, Any]) -> Iterator[str]:
    if told.get("request_structure") == "Form URL-Encoded" and told.get("webhook_data"):
        yield "sends a form body here, as it says; Frappe sends JSON under that setting"
    if told.get("webhook_docevent") == "on_update_after_submit":
        yield "fires here; some versions of Frappe never send this event"
    left_out = sorted(
        field
        for field, value in told.items()
        if value and field not in {*_COPIED, *_TABLES, *_UNSAID} and not field.startswith("_")
    )
    if left_out:
        yield f"settings that are not known here were left out: {', '.join(left_out)}"
