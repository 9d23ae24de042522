"""Reaching another site: what kind it is, and the source that reads it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC

from demitasse.client.errors import Forbidden, NotFound, ServerFailed, SiteError, UnusableAnswer, ValidationFailed
from demitasse.client.retrying import RetryPolicy
from demitasse.client.site import FrappeClient
from demitasse.doctypes.model import Registry
from demitasse.sync.bulk_source import METHODS, BulkSource
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Rule
from demitasse.sync.ports import Source
from demitasse.sync.rest_source import RestSource
from demitasse.sync.rules import RemoteSite, zone_of

DEMITASSE, FRAPPE = "Demitasse", "Frappe"
_HAS_NO_SYNC = (Forbidden, NotFound, ServerFailed, ValidationFailed)
"""How a Frappe site answers to a function that it does not have, by its version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """What a site says of itself.

    Args:
        zone: The name of its time zone; empty where it does not tell.
    """

    kind: str
    site_id: str
    zone: str
    user: str


def client_of(remote: RemoteSite, *, retries: RetryPolicy | None = None) -> FrappeClient:
    """Return a client for a Remote Site.

    Args:
        retries: The client's own policy unless given: who waits for the answer wants it now.

    Raises:
        SyncError: it is switched off, or has no URL.
    """
    if not remote.is_enabled:
        message = f"Remote Site {remote.name} is not enabled: enable it, or disable the rules that use it"
        raise SyncError(message, site=remote.name)
    if not remote.url:
        message = f"Remote Site {remote.name} has no URL: it can only push to this site"
        raise SyncError(message, site=remote.name)
    return FrappeClient(
        remote.url,
        api_key=remote.api_key,
        api_secret=remote.api_secret,
        timeout_s=remote.timeout_s,
        retries=retries,
    )


def greet(client: FrappeClient) -> Greeting:
    """Ask a site what it is, and whether it knows the API key.

    Raises:
        ClientError: it cannot be asked, or does not know the key.
    """
    try:
        said = client.call(METHODS + "hello", method="GET")
    except _HAS_NO_SYNC:
        said = None
    if isinstance(said, Mapping):
        return Greeting(kind=DEMITASSE, site_id=str(said["site"]), zone=UTC.tzname(None), user=str(said["user"]))
    user = client.call("frappe.auth.get_logged_user", method="GET")
    return Greeting(kind=FRAPPE, site_id=f"frappe:{client.url}"[:140], zone=_zone_there(client), user=str(user))


@contextmanager
def source_of(client: FrappeClient, remote: RemoteSite, rule: Rule, registry: Registry) -> Iterator[Source]:
    """Open the source of a rule for as long as the block lasts.

    Raises:
        SyncError: a Frappe site's time zone is not known.
    """
    if remote.kind == DEMITASSE:
        yield BulkSource(client, rule.doctype, filters=rule.filters)
        return
    zone = remote.zone or zone_of(_zone_there(client))
    if zone is None:
        message = f"{remote.url} does not tell its time zone: write it into the Remote Site {remote.name}"
        raise SyncError(message, site=remote.name)
    source = RestSource(
        client,
        rule.doctype,
        filters=rule.filters,
        zone=zone,
        has_tables=bool(registry.get(rule.local_doctype).table_fields),
        parallel=remote.parallel,
    )
    try:
        yield source
    finally:
        source.close()


def _zone_there(client: FrappeClient) -> str:
    try:
        said = client.call("frappe.client.get_time_zone", method="GET")
    except (SiteError, UnusableAnswer):
        return ""
    return str(said.get("time_zone") or "") if isinstance(said, Mapping) else ""
