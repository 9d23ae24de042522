"""How a document gets its name. Source: the naming rules of Frappe's DocType (``autoname``)."""

import re
from datetime import date, datetime

from demitasse.db.transaction import Transaction
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import InvalidName
from demitasse.documents.model import Record
from demitasse.documents.store import exists, next_in_series
from demitasse.kernel.ids import random_name

MAX_NAME_LENGTH = 140
_DEFAULT_DIGITS = 5
_BRACES = re.compile(r"\{([^{}]*)\}")
_FORBIDDEN = re.compile(r"[<>\x00-\x1f]")


def set_name(context: DocumentContext, tx: Transaction, record: Record, *, wanted: str | None) -> None:
    """Give a new record its name.

    Args:
        wanted: The name that was asked for; it counts where the rule is ``prompt``.

    Raises:
        InvalidName: the rule needs a value that is missing, or the result cannot be a name.
    """
    doctype = record.doctype
    if record.values.get("name") and record.flags.get("name_set"):
        name = record.values["name"]
    elif record.values.get("amended_from"):
        name = _amended(tx, record)
    elif doctype.is_single:
        name = doctype.name
    else:
        rule = "hash" if doctype.is_table else (doctype.autoname or "").strip()
        name = _by_rule(tx, record, rule, wanted=wanted, now=context.clock().astimezone(context.zone))
    check_name(doctype.name, name)
    record.values["name"] = name


def _by_rule(  # noqa: PLR0911 - one line for each rule
    tx: Transaction, record: Record, rule: str, *, wanted: str | None, now: datetime
) -> str:
    kind, _, rest = rule.partition(":")
    match kind.lower():
        case "hash" | "random":
            return random_name()
        case "prompt":
            return _prompted(record, wanted)
        case "autoincrement":
            return str(next_in_series(tx, record.doctype.table))
        case "field":
            return _from_field(record, rest.strip())
        case "naming_series":
            return from_series(tx, record, _series(record), now=now)
        case "format":
            return _from_format(tx, record, rest, now=now)
        case _ if "#" in rule or rule.endswith("."):
            return from_series(tx, record, rule, now=now)
        case _:
            return wanted or random_name()


def check_name(doctype: str, name: str) -> None:
    """Refuse what cannot be a name.

    Raises:
        InvalidName: empty, too long, or with a character that no name may have.
    """
    if not name.strip():
        message = f"{doctype}: the name is empty"
        raise InvalidName(message, doctype=doctype)
    if name in {".", ".."}:  # HTTP clients take these for parts of the path, so the document could not be reached
        message = f"{doctype}: a document cannot be named {name}"
        raise InvalidName(message, doctype=doctype)
    if len(name) > MAX_NAME_LENGTH:
        message = f"{doctype}: the name is longer than {MAX_NAME_LENGTH} characters"
        raise InvalidName(message, doctype=doctype)
    if _FORBIDDEN.search(name):
        message = f"{doctype}: the name {name!r} holds a character that names cannot have (<, > or a control character)"
        raise InvalidName(message, doctype=doctype)


def from_series(tx: Transaction, record: Record, series: str, *, now: datetime) -> str:
    """Return the next name of a series such as ``CRM-LEAD-.YYYY.-`` or ``INV-.#####``; five digits unless told."""
    if "#" not in series:
        series = f"{series}{'' if series.endswith('.') else '.'}{'#' * _DEFAULT_DIGITS}"
    parts: list[str] = []
    for part in series.split("."):
        if part and not part.strip("#"):
            prefix = "".join(parts)
            parts.append(str(next_in_series(tx, prefix)).zfill(len(part)))
        else:
            parts.append(_expanded(record, part, now=now))
    return "".join(parts)


def _series(record: Record) -> str:
    chosen = record.values.get("naming_series")
    if chosen:
        return str(chosen)
    field = record.doctype.by_name.get("naming_series")
    options = [line.strip() for line in ((field.options if field else None) or "").split("\n") if line.strip()]
    if not options:
        message = f"{record.doctype.name}: set a naming series"
        raise InvalidName(message, doctype=record.doctype.name)
    record.values["naming_series"] = options[0]
    return options[0]


def _expanded(record: Record, part: str, *, now: datetime) -> str:
    by_date = {"YYYY": "%Y", "YY": "%y", "MM": "%m", "DD": "%d", "JJJ": "%j", "WW": "%V"}
    if part in by_date:
        return now.strftime(by_date[part])
    if part == "FY":
        return str(now.year)
    if part == "timestamp":
        return now.isoformat(" ")
    field = part.strip("{}")
    if record.doctype.canonical(field) and (part.startswith("{") or record.values.get(field)):
        return _text(record.values.get(field))
    return part


def _from_format(tx: Transaction, record: Record, pattern: str, *, now: datetime) -> str:
    # Each part is filled once, from left to right: braces in a value are text, and a count is within what it follows.
    name, end = "", 0
    for match in _BRACES.finditer(pattern):
        name += pattern[end : match.start()]
        inner = match.group(1).strip()
        if inner and not inner.strip("#"):
            name += str(next_in_series(tx, name)).zfill(len(inner))
        else:
            name += _expanded(record, "{" + inner + "}" if record.doctype.canonical(inner) else inner, now=now)
        end = match.end()
    return name + pattern[end:]


def _from_field(record: Record, fieldname: str) -> str:
    value = _text(record.values.get(fieldname)).strip()
    if not value:
        field = record.doctype.by_name.get(fieldname)
        message = f"{field.label if field else fieldname} is required"
        raise InvalidName(message, doctype=record.doctype.name, field=fieldname)
    return value


def _prompted(record: Record, wanted: str | None) -> str:
    if not wanted or not wanted.strip():
        message = f"Please set the document name: a {record.doctype.name} is named by whoever makes it"
        raise InvalidName(message, doctype=record.doctype.name)
    return wanted.strip()


def _amended(tx: Transaction, record: Record) -> str:
    original, _, counter = str(record.values["amended_from"]).rpartition("-")
    base = str(record.values["amended_from"])
    number = 1
    if original and counter.isdigit() and exists(tx, record.doctype, original):
        base, number = original, int(counter) + 1
    return f"{base}-{number}"


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
