"""Reading and writing ``site_config.json``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from demitasse.kernel import json
from demitasse.settings.errors import InvalidSettings
from demitasse.settings.model import Settings

CONFIG_NAME = "site_config.json"
DEFAULT_DATABASE = "sqlite:///site.db"
_PREFIX = "DEMITASSE_"
_NOT_SETTINGS = frozenset({"DEMITASSE_SITE"})
_MEBIBYTE = 1_048_576


def load_settings(site: Path, *, environ: Mapping[str, str]) -> Settings:
    """Return the settings of the site in this folder; ``DEMITASSE_<KEY>`` in the environment wins.

    Raises:
        InvalidSettings: there is no site here, or a key cannot be used.
    """
    path = site / CONFIG_NAME
    if not path.is_file():
        message = f"There is no site in {site}: make one with `demitasse new-site {site}`, or point --site to one"
        raise InvalidSettings(message, site=str(site))
    try:
        conf: Any = json.decode(path.read_bytes())
    except json.MalformedJson as error:
        message = f"{path} is not valid JSON: {error.message}"
        raise InvalidSettings(message) from error
    if not isinstance(conf, dict):
        message = f"{path} must hold one JSON object"
        raise InvalidSettings(message)
    for key, text in environ.items():
        if key.startswith(_PREFIX) and key not in _NOT_SETTINGS:
            conf[key.removeprefix(_PREFIX).lower()] = _from_environment(text)
    return _settings(site.resolve(), conf)


def write_config(site: Path, conf: Mapping[str, Any]) -> None:
    """Write ``site_config.json`` in one step, readable by its owner alone (it holds the encryption key)."""
    temporary = site / f".{CONFIG_NAME}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.encode_pretty(conf))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(site / CONFIG_NAME)


def read_config(site: Path) -> dict[str, Any]:
    """Return the content of ``site_config.json`` without the environment."""
    content: dict[str, Any] = json.decode((site / CONFIG_NAME).read_bytes())
    return content


def _from_environment(text: str) -> Any:
    try:
        return json.decode(text)
    except json.MalformedJson:
        return text


def _settings(site: Path, conf: dict[str, Any]) -> Settings:
    zone_name = str(conf.get("time_zone") or "UTC")
    try:
        zone = ZoneInfo(zone_name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"time_zone {zone_name!r} is not a known zone: write one such as Asia/Kolkata"
        raise InvalidSettings(message, key="time_zone") from error
    key = conf.get("encryption_key")
    if not isinstance(key, str) or not key:
        message = "encryption_key is missing from site_config.json: restore it from your backup"
        raise InvalidSettings(message, key="encryption_key")
    return Settings(
        site=site,
        database_url=str(conf.get("database_url") or DEFAULT_DATABASE),
        encryption_key=key,
        installed_apps=_texts(conf, "installed_apps"),
        host_name=conf.get("host_name"),
        time_zone=zone_name,
        zone=zone,
        redis_url=conf.get("redis_url"),
        broker_url=conf.get("broker_url"),
        allow_cors=_texts(conf, "allow_cors"),
        trusted_proxies=_texts(conf, "trusted_proxies"),
        webhook_allow_hosts=_texts(conf, "webhook_allow_hosts"),
        webhook_dynamic_hosts=_texts(conf, "webhook_dynamic_hosts"),
        webhook_proxy=conf.get("webhook_proxy") or None,
        webhook_allow_secrets=_texts(conf, "webhook_allow_secrets") if "webhook_allow_secrets" in conf else None,
        webhook_retry_schedule=_schedule(conf),
        log_retention_days=_whole_number(conf, "log_retention_days", default=30),
        max_request_bytes=_whole_number(conf, "max_request_bytes", default=25 * _MEBIBYTE),
        developer_mode=bool(conf.get("developer_mode")),
        conf=conf,
    )


def _texts(conf: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = conf.get(key)
    if value in (None, ""):
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    message = f"{key} must be a text or a list of texts"
    raise InvalidSettings(message, key=key)


def _whole_number(conf: Mapping[str, Any], key: str, *, default: int) -> int:
    value = conf.get(key, default)
    if isinstance(value, int) and value >= 0:
        return value
    message = f"{key} must be a whole number, 0 or more"
    raise InvalidSettings(message, key=key)


def _schedule(conf: Mapping[str, Any]) -> tuple[float, ...] | None:
    value = conf.get("webhook_retry_schedule")
    if value is None:
        return None
    if isinstance(value, list) and all(isinstance(delay, int | float) and delay >= 0 for delay in value):
        return tuple(float(delay) for delay in value)
    message = "webhook_retry_schedule must be a list of delays in seconds, such as [5, 300, 1800]"
    raise InvalidSettings(message, key="webhook_retry_schedule")
