"""Secrets that are named instead of stored: ``env:NAME`` and ``conf:key``."""

from collections.abc import Mapping
from typing import Any

from demitasse.vault.errors import MissingSecret


def is_reference(text: str) -> bool:
    """Return whether the text names a secret that is kept elsewhere."""
    return text.startswith(("env:", "conf:"))


class References:
    """Resolves references at the moment of use, so that nothing is stored or exported."""

    def __init__(self, *, conf: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self._conf = conf
        self._environ = environ

    def resolve(self, text: str) -> str:
        """Return the text itself, or what it refers to.

        Raises:
            MissingSecret: the environment or the configuration has no such name.
        """
        if text.startswith("env:"):
            found = self._environ.get(text[4:].strip())
            where = "the server's environment"
        elif text.startswith("conf:"):
            found = self._conf.get(text[5:].strip())
            where = "site_config.json"
        else:
            return text
        if found is None or found == "":
            message = f"{text} is not set: add it to {where}"
            raise MissingSecret(message, reference=text)
        return str(found)
