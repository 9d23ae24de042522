"""What one site tells another of a document: the same whole documents as a page has them, or a deletion. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from demitasse.kernel import json
from demitasse.sync.bulk_source import documents_of
from demitasse.sync.errors import RefusedPush
from demitasse.sync.model import Position, RemoteDocument, Tombstone

PROTOCOL = 1


def change(site: str, doctype: str, *, sequence: int, page: Mapping[str, Any]) -> bytes:
    """Return the body that tells of a document; ``page`` has it as ``serving.documents`` gives it."""
    told = {"protocol": PROTOCOL, "site": site, "doctype": doctype, "sequence": sequence, "page": page}
    return json.encode(told)


def deletion(site: str, tombstone: Tombstone, *, sequence: int) -> bytes:
    """Return the body that tells that a document is gone, or has another name."""
    return json.encode(
        {
            "protocol": PROTOCOL,
            "site": site,
            "doctype": tombstone.doctype,
            "sequence": sequence,
            "deletion": {
                "name": tombstone.name,
                "new_name": tombstone.new_name,
                "deleted_at": tombstone.deleted_at.isoformat(),
                "origin": tombstone.origin,
            },
        }
    )


def read(body: bytes) -> Mapping[str, Any]:
    """Return what a body tells.

    Raises:
        RefusedPush: it is none of these.
    """
    try:
        told = json.decode(body)
    except json.MalformedJson as error:
        message = f"A push must be JSON: {error.message}"
        raise RefusedPush(message) from error
    return checked(told)


def checked(told: Any) -> Mapping[str, Any]:
    """Return what a decoded body tells.

    Raises:
        RefusedPush: it is none of these.
    """
    if not isinstance(told, Mapping) or not isinstance(told.get("site"), str) or not told["site"]:
        message = "A push must be an object that names its site"
        raise RefusedPush(message)
    if told.get("protocol") != PROTOCOL:
        message = (
            f"This site understands pushes of protocol {PROTOCOL}, not {told.get('protocol')!r}: update both sites"
        )
        raise RefusedPush(message)
    return told


def documents_told(told: Mapping[str, Any]) -> list[RemoteDocument]:
    """Return the documents that a body tells of.

    Raises:
        RefusedPush: it cannot be read.
    """
    try:
        found = documents_of(str(told["doctype"]), told["page"]) if told.get("page") else []
        return [replace(document, sequence=int(told.get("sequence") or 0)) for document in found]
    except (KeyError, TypeError, ValueError) as error:
        message = f"The push cannot be read: {error}"
        raise RefusedPush(message) from error


def tombstone_told(told: Mapping[str, Any]) -> Tombstone | None:
    """Return the deletion that a body tells of, if it does.

    Raises:
        RefusedPush: it cannot be read.
    """
    said = told.get("deletion")
    if not said:
        return None
    try:
        deleted_at = datetime.fromisoformat(said["deleted_at"])
        return Tombstone(
            doctype=str(told["doctype"]),
            name=str(said["name"]),
            position=Position("", str(said["name"])),
            deleted_at=deleted_at,
            new_name=said.get("new_name") or None,
            origin=said.get("origin") or "",
            sequence=int(told.get("sequence") or 0),
        )
    except (KeyError, TypeError, ValueError) as error:
        message = f"The push cannot be read: {error}"
        raise RefusedPush(message) from error
