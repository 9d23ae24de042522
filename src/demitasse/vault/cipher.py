"""Encryption at rest with AES-256-GCM; the key lives in ``site_config.json``, outside the database."""

import base64
import os
from binascii import Error as Base64Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from demitasse.vault.errors import UnreadableSecret

_KEY_BYTES = 32
_NONCE_BYTES = 12
_PREFIX = "v1:"


def new_key() -> str:
    """Return a new key as URL-safe base64 of 32 bytes."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


class Vault:
    """Encrypts and decrypts texts, each bound to the place it is stored in."""

    def __init__(self, key: str) -> None:
        try:
            raw = base64.urlsafe_b64decode(key)
        except (Base64Error, ValueError) as error:
            message = "encryption_key is not base64: restore it from your backup"
            raise UnreadableSecret(message) from error
        if len(raw) != _KEY_BYTES:
            message = f"encryption_key must hold {_KEY_BYTES} bytes: restore it from your backup"
            raise UnreadableSecret(message)
        self._cipher = AESGCM(raw)

    def encrypt(self, plain: str, *, place: str) -> str:
        """Return the ciphertext as text; ``place`` (such as ``Webhook.webhook_secret``) must be given again to read."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plain.encode(), place.encode())
        return _PREFIX + base64.urlsafe_b64encode(nonce + sealed).decode()

    def decrypt(self, stored: str, *, place: str) -> str:
        """Return the text that was encrypted for this place.

        Raises:
            UnreadableSecret: another key, another place, or a changed text.
        """
        try:
            raw = base64.urlsafe_b64decode(stored.removeprefix(_PREFIX))
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], place.encode()).decode()
        except (Base64Error, ValueError, InvalidTag) as error:
            message = f"The secret stored in {place} cannot be read: the site's encryption_key is not the one it was saved with"
            raise UnreadableSecret(message, place=place) from error
