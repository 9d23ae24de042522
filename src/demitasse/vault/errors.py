"""What can go wrong with secrets."""

from demitasse.kernel.errors import DemitasseError


class UnreadableSecret(DemitasseError):
    """A stored secret cannot be decrypted: the key is another one, or the text was changed."""

    code = "unreadable_secret"


class MissingSecret(DemitasseError):
    """A reference (``env:NAME``, ``conf:key``) points to nothing; ``data`` has ``reference``."""

    code = "missing_secret"
