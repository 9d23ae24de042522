"""Secrets that are named instead of stored: ``env:NAME`` and ``conf:key``."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from demitasse.vault.errors import MissingSecret

_KINDS = ("env:", "conf:")
_OWN_KEYS = frozenset({"encryption_key", "database_url", "redis_url", "broker_url", "mail_password"})
"""What the site itself is opened with: whoever may write a webhook may not send it anywhere."""
_OWN_NAMES = frozenset(f"DEMITASSE_{key.upper()}" for key in _OWN_KEYS)


def is_reference(text: str) -> bool:
    """Return whether the text names a secret that is kept elsewhere."""
    return text.startswith(_KINDS)


class References:
    """Resolves references at the moment of use, so that nothing is stored or exported.

    Args:
        allowed: The references that may be used, with ``*`` for any letters (``env:CRM_*``); ``None``: all but the site's own.
    """

    def __init__(
        self, *, conf: Mapping[str, Any], environ: Mapping[str, str], allowed: Sequence[str] | None = None
    ) -> None:
        self._conf = conf
        self._environ = environ
        self._allowed = allowed

    def resolve(self, text: str) -> str:
        """Return the text itself, or what it refers to.

        Raises:
            MissingSecret: the environment or the configuration has no such name, or it is the site's own, or not allowed.
        """
        if not text.startswith(_KINDS):
            return text
        kind, _, name = text.partition(":")
        name = name.strip()
        if kind == "env":
            found: Any = self._environ.get(name)
            where = "the server's environment"
        else:
            found = self._conf.get(name)
            where = "site_config.json"
        if name in _OWN_KEYS or name.upper() in _OWN_NAMES:
            message = f"{text} opens the site itself and is given to nobody: use a secret of its own"
            raise MissingSecret(message, reference=text)
        if self._allowed is not None and not any(fnmatchcase(f"{kind}:{name}", each) for each in self._allowed):
            message = f"{text} is not open to webhooks: add it to webhook_allow_secrets in site_config.json"
            raise MissingSecret(message, reference=text)
        if found is None or found == "":
            message = f"{text} is not set: add it to {where}"
            raise MissingSecret(message, reference=text)
        return str(found)
