"""A site's settings: ``site_config.json`` and the environment, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a site was told; every key of the file, known to us or not, is in ``conf``.

    Args:
        site: The site's folder, absolute.
        zone: The zone of the naive times that the API and apps speak.
        webhook_allow_hosts: Host names, addresses and networks that the SSRF guard lets through.
        webhook_dynamic_hosts: Hosts that documents may choose where a webhook's URL is made from them (``*.example.com``).
        webhook_proxy: An http, https or socks5h proxy for webhooks; it resolves names, and vets addresses, in our place.
        webhook_allow_secrets: References to secrets (``env:CRM_*``, ``conf:crm_key``) that documents may use; ``None``: any.
        webhook_retry_schedule: Delays in seconds between attempts, ``None`` for the default.
        conf: All keys, as app code sees them with ``frappe.conf``.
    """

    site: Path
    database_url: str
    encryption_key: str
    installed_apps: tuple[str, ...]
    host_name: str | None
    time_zone: str
    zone: ZoneInfo
    redis_url: str | None
    broker_url: str | None
    allow_cors: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    webhook_allow_hosts: tuple[str, ...]
    webhook_dynamic_hosts: tuple[str, ...]
    webhook_proxy: str | None
    webhook_allow_secrets: tuple[str, ...] | None
    webhook_retry_schedule: tuple[float, ...] | None
    log_retention_days: int
    max_request_bytes: int
    developer_mode: bool
    conf: Mapping[str, Any]

    @property
    def is_sqlite(self) -> bool:
        """Whether the site keeps its documents in an embedded SQLite file."""
        return self.database_url.startswith("sqlite")
