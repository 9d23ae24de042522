"""What can go wrong when a site is asked.

ClientError
├── UnusableSite           the URL or the credentials cannot be used
├── UnusableName           a name that no URL can carry
├── SiteUnreachable        no answer; `was_sent` says whether the site may have acted
├── UnusableAnswer         an answer that is not this API's: HTML, cut off, too large, a redirect
└── SiteError              the site's own refusal
    ├── NotAuthenticated   401
    ├── Forbidden          403
    ├── NotFound           404
    ├── Conflict           409
    │   └── Duplicate      DuplicateEntryError
    ├── ValidationFailed   417
    │   ├── StaleDocument  TimestampMismatchError
    │   ├── MissingLink    LinkValidationError
    │   └── LinkedElsewhere  LinkExistsError
    ├── RateLimited        429
    └── ServerFailed       5xx
"""

from demitasse.kernel.errors import DemitasseError


class ClientError(DemitasseError):
    """A call to a site did not give its result."""

    code = "client_error"


class UnusableSite(ClientError):
    """The site's URL or credentials cannot be used; the message says what to write instead."""

    code = "unusable_site"


class UnusableName(ClientError):
    """A document or DocType has a name that no URL can carry."""

    code = "unusable_name"


class SiteUnreachable(ClientError):
    """The site did not answer.

    Args:
        was_sent: The request may have reached the site: a write may have happened.
    """

    code = "site_unreachable"

    def __init__(self, message: str, *, was_sent: bool) -> None:
        super().__init__(message, was_sent=was_sent)
        self.was_sent = was_sent


class UnusableAnswer(ClientError):
    """What came back is not an answer of this API.

    Args:
        is_transient: Asking again may help: the answer was cut off, or a proxy spoke for the site.
    """

    code = "unusable_answer"

    def __init__(self, message: str, *, status: int, is_transient: bool) -> None:
        super().__init__(message, status=status)
        self.status = status
        self.is_transient = is_transient


class SiteError(ClientError):
    """The site refused or failed.

    Args:
        status: Of the answer.
        exc_type: Frappe's name of the error (``ValidationError``); empty where the answer names none.
        messages: What the site says to people, as plain text.
        retry_after_s: How long the site asks to be left alone.
    """

    code = "site_error"

    def __init__(
        self,
        message: str,
        *,
        status: int,
        exc_type: str = "",
        messages: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, status=status, exc_type=exc_type, messages=list(messages))
        self.status = status
        self.exc_type = exc_type
        self.messages = messages
        self.retry_after_s = retry_after_s


class NotAuthenticated(SiteError):
    """The site does not know the API key, or the secret is another."""

    code = "not_authenticated"


class Forbidden(SiteError):
    """The user of the API key may not do this."""

    code = "forbidden"


class NotFound(SiteError):
    """The document, DocType or function does not exist."""

    code = "not_found"


class Conflict(SiteError):
    """What is there already stands against it, or the same call is being answered."""

    code = "conflict"


class Duplicate(Conflict):
    """A document of this name, or with this unique value, exists."""

    code = "duplicate"


class ValidationFailed(SiteError):
    """The site does not take the values; ``messages`` say why."""

    code = "validation_failed"


class StaleDocument(ValidationFailed):
    """The document was changed after it was read: read it again."""

    code = "stale_document"


class MissingLink(ValidationFailed):
    """A linked document does not exist on the site."""

    code = "missing_link"


class LinkedElsewhere(ValidationFailed):
    """Other documents link to this one, which therefore cannot go."""

    code = "linked_elsewhere"


class RateLimited(SiteError):
    """The site asks for fewer calls; nothing was done."""

    code = "rate_limited"


class ServerFailed(SiteError):
    """The site, or a proxy in front of it, failed; whether a write happened is not known."""

    code = "server_failed"
