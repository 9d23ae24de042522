"""Remote Sites: what is refused when one is saved."""

import re
from collections.abc import Mapping

from demitasse.auth.model import Actor
from demitasse.core.services import CoreServices
from demitasse.db.transaction import Transaction
from demitasse.documents.errors import InvalidFieldValue
from demitasse.documents.model import Record
from demitasse.documents.ports import Handler
from demitasse.documents.store import MASK
from demitasse.sync.errors import SyncError
from demitasse.sync.rules import zone_of
from demitasse.sync.webhooks import keep_webhooks_of

_URL = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)
_SHORTEST_SECRET = 16


def handlers(services: CoreServices) -> Mapping[str, Handler]:
    """Return what the events of a Remote Site do."""

    def validate(record: Record, tx: Transaction, actor: Actor) -> None:
        check_address(record)
        check_secret(record)
        check_zone(record)
        forget_what_was_there(record)

    def keep(record: Record, tx: Transaction, actor: Actor) -> None:
        if not record.is_new and record.before is not None:
            keep_webhooks_of(services.documents, tx, record.name)

    return {"validate": validate, "on_update": keep}


def check_address(record: Record) -> None:
    """Refuse what can never be a URL, and half of an API key."""
    url = (record["site_url"] or "").strip()
    if url and not _URL.match(url):
        message = f"{url!r} is not a URL that can be called: write http:// or https:// and a host"
        raise InvalidFieldValue(message, doctype="Remote Site", field="site_url")
    if bool(record["api_key"]) != bool(record["api_secret"]):
        message = "An API key and its secret belong together: give both, or neither"
        raise InvalidFieldValue(message, doctype="Remote Site", field="api_secret")


def check_secret(record: Record) -> None:
    """Refuse a secret for pushes that could be guessed."""
    secret = record["push_secret"]
    if secret and secret != MASK and len(secret) < _SHORTEST_SECRET:
        message = f"The push secret is shorter than {_SHORTEST_SECRET} characters: make one with `openssl rand -hex 32`"
        raise InvalidFieldValue(message, doctype="Remote Site", field="push_secret")


def check_zone(record: Record) -> None:
    """Refuse a time zone that there is not."""
    try:
        zone_of(record["time_zone"])
    except SyncError as error:
        raise InvalidFieldValue(error.message, doctype="Remote Site", field="time_zone") from error


def forget_what_was_there(record: Record) -> None:
    """Let the next call find out what kind of site stands at another URL."""
    before = record.before
    if before is not None and before["site_url"] != record["site_url"]:
        record["kind"] = None
