"""Device tokens: what a phone shows instead of the site's key, which never leaves the server."""

import re
from hashlib import sha256

from demitasse.kernel.ids import random_name, random_secret
from demitasse.middleware.errors import UnknownDevice
from demitasse.middleware.model import Device
from demitasse.middleware.store import Store

_PREFIX = "dmt"
_TOKEN = re.compile(r"dmt_[a-z0-9]{10}_[A-Za-z0-9_-]{43}\Z", re.ASCII)
_MAX_NAME_LENGTH = 140


def create_device(store: Store, name: str, *, now_s: int) -> tuple[Device, str]:
    """Return a new device and its token, which is nowhere kept and not shown again.

    Raises:
        UnknownDevice: the name cannot be used.
    """
    name = name.strip()
    if not name or len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        message = f"A device needs a name of 1 to {_MAX_NAME_LENGTH} characters"
        raise UnknownDevice(message)
    device = Device(id=random_name(10), name=name, created_at_s=now_s)
    token = f"{_PREFIX}_{device.id}_{random_secret(32)}"
    store.add_device(device, digest_of(token))
    return device, token


def revoke_device(store: Store, name_or_id: str, *, now_s: int) -> Device:
    """Refuse the token of a device from now on, and return the device.

    Raises:
        UnknownDevice: there is none of this id or name, or there are several of this name.
    """
    found = [device for device in store.devices() if name_or_id in {device.id, device.name}]
    active = [device for device in found if device.revoked_at_s is None] or found[:1]
    if not active:
        message = f"There is no device {name_or_id!r}: `demitasse middleware token list` shows them"
        raise UnknownDevice(message)
    if len(active) > 1:
        ids = ", ".join(device.id for device in active)
        message = f"Several devices are named {name_or_id!r}: revoke one by its id ({ids})"
        raise UnknownDevice(message)
    store.revoke(active[0].id, now_s=now_s)
    return active[0]


def device_of(store: Store, token: str) -> Device | None:
    """Return the device that a token was given to and that may still ask."""
    return store.find_device(digest_of(token)) if _TOKEN.match(token) else None


def digest_of(token: str) -> bytes:
    """Return what is kept of a token. A token has 256 random bits, so a plain hash is enough."""
    return sha256(token.encode()).digest()


def token_in(authorization: str | None) -> str | None:
    """Return the token of an ``Authorization: Bearer`` header, ``None`` where there is no such header."""
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
