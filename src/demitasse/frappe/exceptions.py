"""The exceptions that app code raises and catches, by Frappe's names.

They are the errors of the rooms below, so that nothing has to be translated on the way; those that only apps raise are
made here. ``http_status_code`` of an app's own subclass is honoured.
"""

from demitasse.auth.errors import NotAuthenticated, NotPermitted
from demitasse.doctypes.errors import UnknownDocType
from demitasse.documents import errors
from demitasse.documents.errors import DocumentError
from demitasse.jobs import errors as job_errors

ValidationError = DocumentError
DoesNotExistError = errors.DocumentNotFound
DocTypeNotFoundError = UnknownDocType
MandatoryError = errors.MandatoryMissing
LinkValidationError = errors.BrokenLink
CancelledLinkError = errors.CancelledLink
LinkExistsError = errors.LinkedElsewhere
DuplicateEntryError = errors.DuplicateName
UniqueValidationError = errors.DuplicateValue
NameError = errors.InvalidName
InvalidNameError = errors.InvalidName
InvalidEmailAddressError = errors.InvalidEmail
InvalidPhoneNumberError = errors.InvalidPhone
CharacterLengthExceededError = errors.TextTooLong
CannotChangeConstantError = errors.FixedField
TimestampMismatchError = errors.StaleDocument
DocstatusTransitionError = errors.InvalidTransition
UpdateAfterSubmitError = errors.ChangedAfterSubmit
PermissionError = NotPermitted
AuthenticationError = NotAuthenticated
RetryBackgroundJobError = job_errors.RetryJob


class DataError(DocumentError):
    """A query or its data cannot be used."""

    code = "data_error"


class SessionExpired(NotAuthenticated):
    """The session has ended."""

    code = "session_expired"


class InvalidSignatureError(NotAuthenticated):
    """A signed request carries no signature, or a wrong one."""

    code = "invalid_signature"


class RateLimitExceededError(DocumentError):
    """Too many requests in too short a time."""

    code = "rate_limited"
    http_status_code = 429


class OutgoingEmailError(DocumentError):
    """A mail could not be sent."""

    code = "outgoing_email"
