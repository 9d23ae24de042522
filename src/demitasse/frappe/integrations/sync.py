"""What other sites ask of this one to be in step with it: ``/api/method/frappe.integrations.sync.<name>``.

Whole documents a page at a time, keys, and what was deleted. Moments are UTC here; who asks must be allowed to read
every document of the kind.
"""

from collections.abc import Mapping
from typing import Any

from demitasse.documents.errors import DocumentError
from demitasse.frappe.context import Call, current
from demitasse.frappe.database import doctype_of
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.sync import envelope, serving
from demitasse.sync.identity import identity
from demitasse.sync.model import START, Counts, Position
from demitasse.sync.ports import Home
from demitasse.sync.receiving import Receiver, note_sender, verified_site
from demitasse.sync.receiving import inventory as received
from demitasse.sync.rules import RemoteSite
from demitasse.sync.transacting import reading

_PLACE_PARTS = 2


@whitelist(methods=["GET"], inline=True)
def hello() -> dict[str, Any]:
    """Say that this site can be pulled from by pages, and who is asking."""
    call = current()
    return {"protocol": serving.PROTOCOL, "site": identity(call.tx), "user": call.actor.user}


@whitelist(methods=["GET"])
def describe(doctype: str, filters: Any = None) -> serving.Answer:
    """Say what time it is here, how new the newest document is, and since when deletions are remembered."""
    call = current()
    days = call.site.settings.log_retention_days
    return serving.describe(call.site.documents, call.tx, _asked(doctype, filters, 1), kept_days=days)


@whitelist(methods=["GET"])
def changes(doctype: str, after: Any = None, filters: Any = None, limit: Any = 500) -> serving.Answer:
    """Give whole documents behind a position, in the order of ``modified`` and name."""
    call = current()
    return serving.changes(call.site.documents, call.tx, _asked(doctype, filters, limit), _position(after))


@whitelist(methods=["GET"])
def documents(doctype: str, names: Any, filters: Any = None) -> serving.Answer:
    """Give whole documents by their names; those that are not there are left out."""
    call = current()
    wanted = _list(names, "names")
    return serving.documents(
        call.site.documents, call.tx, _asked(doctype, filters, len(wanted)), [str(name) for name in wanted]
    )


@whitelist(methods=["GET"])
def keys(
    doctype: str, after: Any = None, until: str | None = None, filters: Any = None, limit: Any = 5_000
) -> serving.Answer:
    """Give ``modified`` and name of documents behind a position, in order."""
    call = current()
    asked = _asked(doctype, filters, limit)
    return serving.keys(call.site.documents, call.tx, asked, _position(after), until=until or None)


@whitelist(methods=["GET"])
def names(doctype: str, after: str = "", filters: Any = None, limit: Any = 5_000) -> serving.Answer:
    """Give ``modified`` and name of all documents by their names."""
    call = current()
    return serving.names(call.site.documents, call.tx, _asked(doctype, filters, limit), after)


@whitelist(methods=["GET"])
def deletions(doctype: str, after: Any = None, limit: Any = 500, filters: Any = None) -> serving.Answer:
    """Give what was deleted or renamed behind a position, in order."""
    call = current()
    return serving.deletions(call.tx, _asked(doctype, None, limit), _position(after))


@whitelist(allow_guest=True, methods=["POST"])
def receive() -> dict[str, Any]:
    """Take a push of another site: signed with the secret that both have, one document as it now is, or its deletion."""
    call = current()
    told, remote, home = _told(call)
    receiver = Receiver(home)
    arrived = receiver.read(told, remote)  # before anything is written: what is linked to may have to be fetched
    note_sender(home, call.tx, remote)
    return {"status": _word(receiver.apply(call.tx, arrived))}


@whitelist(allow_guest=True, methods=["POST"])
def inventory() -> dict[str, Any]:
    """Tell a site, by a request that it signs as a push, what is here of its documents."""
    told, remote, home = _told(current())
    limit = min(max(_whole(told.get("limit") or 1), 1), serving.MAX_PAGE * 5)
    doctype, after = str(told.get("doctype") or ""), str(told.get("after") or "")
    return reading(home.database, lambda tx: received(tx, remote.name, doctype, after=after, limit=limit))


def _told(call: Call) -> tuple[Mapping[str, Any], RemoteSite, Home]:
    """Return what the verified body of a call tells, and whose it is; nothing is locked for that.

    Raises:
        UnverifiedPush: it is signed by no site that this one knows.
    """
    headers, body = (call.request.headers, call.request.body) if call.request else ({}, b"")
    told = envelope.read(body)
    services = call.site.sync
    home = services.home(site_id=reading(services.database, identity))
    remote = reading(services.database, lambda tx: verified_site(home, tx, headers, body, told["site"]))
    return told, remote, home


def _word(counts: Counts) -> str:
    """Return what became of a push, for its sender's log."""
    if counts.parked:
        return "parked"
    if counts.conflicts:
        return "conflict"
    return "applied" if counts.written else "unchanged"


def _asked(doctype: str, filters: Any, limit: Any) -> serving.Asked:
    return serving.Asked(
        doctype=doctype_of(doctype),
        actor=current().actor,
        filters=_list(filters, "filters") if filters else (),
        limit=_whole(limit),
    )


def _position(value: Any) -> Position:
    """Return a place in the order of documents.

    Raises:
        DocumentError: it is none.
    """
    if not value:
        return START
    parts = _list(value, "after")
    if not parts:
        return START
    if len(parts) != _PLACE_PARTS or not all(isinstance(part, str) for part in parts):
        message = "after must be a pair of modified and name, such as the last document of the page before has them"
        raise DocumentError(message, argument="after")
    return Position(*parts)


def _list(value: Any, argument: str) -> list[Any]:
    found = json.decode(value) if isinstance(value, str) else value
    if not isinstance(found, list):
        message = f"{argument} must be a list"
        raise DocumentError(message, argument=argument)
    return found


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        message = f"limit must be a whole number, not {value!r}"
        raise DocumentError(message, argument="limit") from error
