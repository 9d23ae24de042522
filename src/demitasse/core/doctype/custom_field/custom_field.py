"""Custom Fields: fields that a site or an app adds to a DocType of another app."""

import re
from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.doctypes.errors import InvalidDocType
from demitasse.doctypes.field_types import FIELD_TYPES
from demitasse.doctypes.parse import parse_field
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Custom Field do."""

    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        doctype = services.registry.find(record["dt"] or "")
        if doctype is None:
            return  # the check of links names it
        taken = doctype.by_name.get(record["fieldname"])
        if record.is_new and taken is not None:
            message = f"{doctype.name} has a field {record['fieldname']} already"
            raise InvalidFieldValue(message, doctype="Custom Field", field="fieldname")
        if doctype.is_single or record["fieldtype"] not in FIELD_TYPES:
            message = f"A field of type {record['fieldtype']} cannot be added to {doctype.name}"
            raise InvalidFieldValue(message, doctype="Custom Field", field="fieldtype")
        try:
            parse_field(record.values, doctype=doctype.name)
        except InvalidDocType as error:
            raise InvalidFieldValue(error.message, doctype="Custom Field", field="fieldname") from error

    def extend(record: Record, tx: Transaction, actor: Actor) -> None:
        services.extend_doctype(tx, record["dt"])

    return {"before_insert": name_it, "validate": validate, "on_update": extend, "after_delete": extend}


def name_it(record: Record, tx: Transaction, actor: Actor) -> None:
    """Make the field's name of its label where it has none, and name the document after DocType and field."""
    if not record["fieldname"] and record["label"]:
        record["fieldname"] = "custom_" + re.sub(r"\W+", "_", record["label"]).strip("_").lower()
    record["label"] = record["label"] or (record["fieldname"] or "").replace("_", " ").title()
    if not record.name and record["dt"] and record["fieldname"]:
        record["name"] = f"{record['dt']}-{record['fieldname']}"
