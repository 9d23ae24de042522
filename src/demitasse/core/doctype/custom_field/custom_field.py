"""Custom Fields: fields that a site or an app adds to a DocType of another app."""

import re
from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.doctypes.errors import InvalidDocType, InvalidValue
from demitasse.doctypes.field_types import FIELD_TYPES
from demitasse.doctypes.model import DocType, Field, Registry
from demitasse.doctypes.parse import parse_field
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.documents.plan import fixed_default
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
            field = parse_field(record.values, doctype=doctype.name)
        except InvalidDocType as error:
            raise InvalidFieldValue(error.message, doctype="Custom Field", field="fieldname") from error
        check_default(field)
        check_options(field, doctype, services.registry)

    def extend(record: Record, tx: Transaction, actor: Actor) -> None:
        services.extend_doctype(tx, record["dt"])

    return {"before_insert": name_it, "validate": validate, "on_update": extend, "after_delete": extend}


def check_default(field: Field) -> None:
    """Refuse a default that no document could have."""
    try:
        fixed_default(field)
    except InvalidValue as error:
        message = f"Default Value: {error.message}"
        raise InvalidFieldValue(message, doctype="Custom Field", field="default") from error


def check_options(field: Field, doctype: DocType, registry: Registry) -> None:
    """Refuse a field that leads to what is not there: documents with it could be neither read nor saved."""
    target = registry.find(field.options or "")
    if field.type.is_table and (target is None or not target.is_table):
        message = f"Options: {field.options} is no child DocType"
    elif field.fieldtype == "Link" and target is None and field.options != "DocType":
        message = f"Options: there is no DocType {field.options}"
    elif field.fieldtype == "Dynamic Link" and field.options not in doctype.by_name:
        message = f"Options: {doctype.name} has no field {field.options}, which would say what the link leads to"
    else:
        return
    raise InvalidFieldValue(message, doctype="Custom Field", field="options")


def name_it(record: Record, tx: Transaction, actor: Actor) -> None:
    """Make the field's name of its label where it has none, and name the document after DocType and field."""
    if not record["fieldname"] and record["label"]:
        record["fieldname"] = "custom_" + re.sub(r"\W+", "_", record["label"]).strip("_").lower()
    record["label"] = record["label"] or (record["fieldname"] or "").replace("_", " ").title()
    if not record.name and record["dt"] and record["fieldname"]:
        record["name"] = f"{record['dt']}-{record['fieldname']}"
