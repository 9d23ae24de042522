"""Connected Apps: what is refused when one is saved, and this site's own callback where none is given."""

from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler

CALLBACK = "/api/method/frappe.integrations.doctype.connected_app.connected_app.callback/"
_ADDRESSES = (
    "openid_configuration",
    "redirect_uri",
    "authorization_uri",
    "token_uri",
    "revocation_uri",
    "userinfo_uri",
    "introspection_uri",
)


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Connected App do."""

    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        for field in _ADDRESSES:
            check_address(record, field)
        # Only where it is empty: what is registered at the provider must stay as it is, letter by letter.
        if not record["redirect_uri"] and services.host_name:
            record["redirect_uri"] = f"{_with_scheme(services.host_name)}{CALLBACK}{quote(record.name)}"

    return {"validate": validate}


def check_address(record: Record, field: str) -> None:
    """Refuse what is no web address; one that will do stays as it was written."""
    text = record[field]
    if not text:
        return
    try:
        parts = urlsplit(text.strip())
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_usable = False
    if not is_usable or any(char.isspace() for char in text.strip()):
        label = record.doctype.by_name[field].label
        message = f"{label}: {text!r} is no web address. Write it as https://…"
        raise InvalidFieldValue(message, doctype=record.doctype.name, field=field)


def _with_scheme(host: str) -> str:
    host = host.rstrip("/")
    return host if "://" in host else f"https://{host}"
