"""Sync Rules: what is refused when one is saved, and what goes with one that is deleted."""

from collections.abc import Mapping

from demitasse.auth.model import ADMINISTRATOR, Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Registry
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from demitasse.documents.store import exists
from demitasse.jobs.errors import InvalidSchedule
from demitasse.jobs.model import NewJob
from demitasse.jobs.operations import enqueue
from demitasse.kernel.errors import DemitasseError
from demitasse.sync.rules import forget_rule, is_own, rule_of
from demitasse.sync.schedule import check_schedule
from demitasse.sync.webhooks import drop_webhook, keep_webhook

_RUN_DUE = "frappe.integrations.sync_jobs.run_due"


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Sync Rule do."""

    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        doctype = services.registry.find(record["document_type"] or "")
        if doctype is not None:
            check_doctype(doctype)
            check_mapping(record, doctype, services.registry)
        check_filters(record)
        check_times(record)

    def keep(record: Record, tx: Transaction, actor: Actor) -> None:
        keep_webhook(services.documents, tx, record)
        if record["schedule"] and record["enabled"]:  # not only at the next minute
            enqueue(tx, NewJob(method=_RUN_DUE, user=ADMINISTRATOR), now=services.documents.clock())
        services.forget_webhooks()
        tx.after_commit(services.forget_webhooks)

    def forget(record: Record, tx: Transaction, actor: Actor) -> None:
        drop_webhook(services.documents, tx, record)
        forget_rule(tx, record.name)

    return {"before_insert": set_free_name, "validate": validate, "on_update": keep, "after_delete": forget}


def set_free_name(record: Record, tx: Transaction, actor: Actor) -> None:
    """Name a rule after its site, DocType and pattern when nobody else has named it."""
    if record.name:
        return
    base = f"{record['remote_site']} {record['document_type']} {record['pattern']}"
    number, name = 1, base
    while exists(tx, record.doctype, name):
        number += 1
        name = f"{base} {number}"
    record["name"] = name


def check_doctype(doctype: DocType) -> None:
    """Refuse what has no documents of its own, or is not for other sites to change."""
    if doctype.is_table:
        message = f"{doctype.name} is a child table: its rows come with the documents they belong to"
    elif doctype.is_single:
        message = f"{doctype.name} is a single: it is this site's own"
    elif is_own(doctype):
        message = f"{doctype.name} is this site's own, so it is not kept in step with others"
    else:
        return
    raise InvalidFieldValue(message, doctype="Sync Rule", field="document_type")


def check_mapping(record: Record, doctype: DocType, registry: Registry) -> None:
    """Refuse maps to fields that are not here."""
    for row in record.rows("field_map"):
        _check_field(doctype, row["local_field"] or row["remote_field"], row, "Field Map")
    for row in record.rows("fixed_values"):
        _check_field(doctype, row["local_field"], row, "Fixed Values")
    for row in record.rows("child_keys"):
        table = next((f for f in doctype.table_fields if f.name == row["table_field"]), None)
        if table is None:
            message = f"Child Keys, row #{row['idx']}: {doctype.name} has no table {row['table_field']}"
            raise InvalidFieldValue(message, doctype="Sync Rule", field="child_keys")
        _check_field(registry.get(table.options or ""), row["key_field"], row, "Child Keys")


def check_filters(record: Record) -> None:
    """Refuse filters that nobody can read."""
    try:
        rule_of(record)
    except DemitasseError as error:
        raise InvalidFieldValue(error.message, doctype="Sync Rule", field="filters") from error


def check_times(record: Record) -> None:
    """Refuse a schedule that never comes."""
    try:
        check_schedule(record["schedule"] or "")
    except InvalidSchedule as error:
        message = f"{error.message}; or seconds such as 30s"
        raise InvalidFieldValue(message, doctype="Sync Rule", field="schedule") from error


def _check_field(doctype: DocType, name: str | None, row: Record, table: str) -> None:
    if not name or doctype.canonical(name) is None:
        message = f"{table}, row #{row['idx']}: {doctype.name} has no field {name}"
        raise InvalidFieldValue(message, doctype="Sync Rule", field=table.lower().replace(" ", "_"))
