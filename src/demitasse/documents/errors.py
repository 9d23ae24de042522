"""What can be wrong with a document. Everything that validation refuses is a ``DocumentError``."""

from typing import Any

from demitasse.kernel.errors import DemitasseError


class DocumentError(DemitasseError):
    """A document, or what is to be done with it, is not valid.

    Args:
        message: What is wrong and what to do.
        title: A heading for people, where the message needs one.
        data: ``doctype``, ``name`` and what else the kind of error has.
    """

    code = "validation"

    def __init__(self, message: str, *, title: str | None = None, **data: Any) -> None:
        super().__init__(message, **data)
        self.title = title


class DocumentNotFound(DocumentError):
    """There is no document with this name; ``data`` has ``doctype`` and ``name``."""

    code = "not_found"


class MandatoryMissing(DocumentError):
    """Mandatory fields are empty; ``data`` has ``fields`` and ``messages``, one for each."""

    code = "mandatory_missing"


class BrokenLink(DocumentError):
    """A link leads to a document that is not there."""

    code = "broken_link"


class CancelledLink(DocumentError):
    """A link leads to a cancelled document."""

    code = "cancelled_link"


class LinkedElsewhere(DocumentError):
    """Another document links to the one that is to go; ``data`` has ``by_doctype`` and ``by_name``."""

    code = "linked_elsewhere"


class DuplicateName(DocumentError):
    """A document with this name is there already."""

    code = "duplicate_name"


class DuplicateValue(DocumentError):
    """Another document has the same value in a field that must be unique; ``data`` has ``field``."""

    code = "duplicate_value"


class InvalidName(DocumentError):
    """The name is missing or cannot be one."""

    code = "invalid_name"


class InvalidFieldValue(DocumentError):
    """A value does not fit its field; ``data`` has ``field``."""

    code = "invalid_field_value"


class InvalidEmail(InvalidFieldValue):
    """A text is not an e-mail address."""

    code = "invalid_email"


class InvalidPhone(InvalidFieldValue):
    """A text is not a phone number."""

    code = "invalid_phone"


class InvalidUrl(InvalidFieldValue):
    """A text is not a URL."""

    code = "invalid_url"


class TextTooLong(InvalidFieldValue):
    """A text is longer than its field."""

    code = "text_too_long"


class FixedField(DocumentError):
    """A field that may be set only once was changed."""

    code = "fixed_field"


class StaleDocument(DocumentError):
    """The document has been changed since it was read; ``data`` has ``modified``."""

    code = "stale_document"


class InvalidTransition(DocumentError):
    """The document status cannot go from what it is to what was asked for."""

    code = "invalid_transition"


class ChangedAfterSubmit(DocumentError):
    """A field that is fixed by submission was changed; ``data`` has ``field``."""

    code = "changed_after_submit"
