"""Arguments of jobs as JSON, and back: what app code passes to ``frappe.enqueue`` arrives as it was.

A document is read again when the job runs: the job sees what is stored then.
"""

import base64
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from demitasse.documents import store
from demitasse.frappe.context import current
from demitasse.frappe.model.document import Document, controller_of, document_of
from demitasse.frappe.values import AttrDict
from demitasse.kernel import json
from demitasse.kernel.errors import DemitasseError

_TYPE = "__type"
_PLAIN = (str, int, float, bool, type(None))


class ArgumentNotStorableError(DemitasseError):
    """An argument of a job has no form in which it can wait; ``data`` has ``argument``."""

    code = "argument_not_storable"
    http_status_code = 417


def encode_arguments(arguments: Mapping[str, Any]) -> str:
    """Return keyword arguments as JSON.

    Raises:
        ArgumentNotStorableError: one is an object that only this process knows.
    """
    return json.encode({key: _encode(value, key) for key, value in arguments.items()}).decode()


def decode_arguments(text: str) -> dict[str, Any]:
    """Return the keyword arguments that were encoded."""
    return {key: _decode(value) for key, value in json.decode(text).items()}


def _encode(value: Any, key: str) -> Any:  # noqa: PLR0911 - one line for each kind of value
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Document):
        return {_TYPE: "document", "value": _encode(dict(value.as_dict()), key)}
    if isinstance(value, Mapping):
        plain = {str(name): _encode(each, key) for name, each in value.items()}
        return {_TYPE: "dict", "value": plain} if _TYPE in plain or isinstance(value, AttrDict) else plain
    if isinstance(value, list):
        return [_encode(each, key) for each in value]
    if isinstance(value, tuple | set | frozenset):
        return {_TYPE: type(value).__name__, "value": [_encode(each, key) for each in value]}
    if isinstance(value, datetime | date | time):
        return {_TYPE: type(value).__name__, "value": value.isoformat()}
    if isinstance(value, timedelta):
        return {_TYPE: "timedelta", "value": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, Decimal):
        return {_TYPE: "Decimal", "value": str(value)}
    if isinstance(value, bytes):
        return {_TYPE: "bytes", "value": base64.b64encode(value).decode()}
    message = (
        f"The argument {key} of a job is a {type(value).__name__}, which cannot be kept until the job runs. "
        "Pass names, numbers, texts, dates, documents, or lists and dictionaries of these."
    )
    raise ArgumentNotStorableError(message, argument=key)


_DECODERS: Mapping[str, Any] = {
    "dict": AttrDict,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(days=parts[0], seconds=parts[1], microseconds=parts[2]),
    "Decimal": Decimal,
    "bytes": base64.b64decode,
}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(each) for each in value]
    if not isinstance(value, dict):
        return value
    kind = value.get(_TYPE)
    if kind is None:
        return {key: _decode(each) for key, each in value.items()}
    inner = value["value"]
    if kind == "dict":
        return AttrDict({key: _decode(each) for key, each in inner.items()})
    if kind == "document":
        return _document({key: _decode(each) for key, each in inner.items()})
    return _DECODERS[kind](_decode(inner))


def _document(values: dict[str, Any]) -> Document:
    """Return the document as it is stored when the job runs; one that is not (no more, or not yet) as it was passed."""
    call = current()
    doctype = call.site.documents.registry.get(str(values["doctype"]))
    name = values.get("name")
    stored = None
    if name and not doctype.is_table and not doctype.is_single:
        stored = store.find(call.site.documents, call.tx, doctype, str(name))
    return controller_of(doctype.name)(values) if stored is None else document_of(stored)
