"""The one table from errors to HTTP: which status, and which of Frappe's names for it."""

from demitasse.auth import errors as auth
from demitasse.auth.errors import InvalidCsrfToken, NotAuthenticated, NotPermitted, TooManyLogins, WeakPassword
from demitasse.connect import errors as connect
from demitasse.db.errors import DatabaseBusy, QueryTooSlow, ReadOnlyTransaction, StorageFull
from demitasse.doctypes.errors import InvalidDocType, UnknownDocType
from demitasse.documents import errors as documents
from demitasse.documents.query_errors import InvalidQuery
from demitasse.frappe import exceptions as apps
from demitasse.frappe.argument_types import FrappeTypeError
from demitasse.jobs import errors as jobs
from demitasse.kernel.errors import DemitasseError
from demitasse.kernel.json import MalformedJson
from demitasse.outbox import errors as outbox
from demitasse.sync import errors as sync
from demitasse.vault.errors import MissingSecret


class BadRequest(DemitasseError):
    """The request itself cannot be read."""

    code = "bad_request"


class UnknownPath(DemitasseError):
    """Nothing is served at this path."""

    code = "unknown_path"


class MethodNotAllowed(DemitasseError):
    """The path is served, but not for this HTTP method; ``data`` has ``allowed``."""

    code = "method_not_allowed"


class PayloadTooLarge(DemitasseError):
    """The body is larger than the site accepts; ``data`` has ``limit``."""

    code = "payload_too_large"


class TooBusy(DemitasseError):
    """All places for this function are taken; ``data`` has ``retry_after_s``."""

    code = "too_busy"


STATUS_AND_NAME: dict[type[Exception], tuple[int, str]] = {
    MalformedJson: (400, "JSONDecodeError"),
    BadRequest: (400, "BadRequestError"),
    UnknownPath: (404, "DoesNotExistError"),
    MethodNotAllowed: (405, "MethodNotAllowed"),
    PayloadTooLarge: (413, "RequestEntityTooLargeError"),
    TooBusy: (503, "ServiceUnavailableError"),
    DatabaseBusy: (503, "QueryTimeoutError"),
    QueryTooSlow: (503, "QueryTimeoutError"),
    StorageFull: (507, "InsufficientStorageError"),
    ReadOnlyTransaction: (403, "InReadOnlyMode"),
    NotAuthenticated: (401, "AuthenticationError"),
    NotPermitted: (403, "PermissionError"),
    InvalidCsrfToken: (400, "CSRFTokenError"),
    TooManyLogins: (429, "RateLimitExceededError"),
    WeakPassword: (417, "ValidationError"),
    UnknownDocType: (404, "DoesNotExistError"),
    InvalidDocType: (417, "ValidationError"),
    InvalidQuery: (417, "DataError"),
    documents.DocumentError: (417, "ValidationError"),
    documents.DocumentNotFound: (404, "DoesNotExistError"),
    documents.MandatoryMissing: (417, "MandatoryError"),
    documents.BrokenLink: (417, "LinkValidationError"),
    documents.CancelledLink: (417, "CancelledLinkError"),
    documents.LinkedElsewhere: (417, "LinkExistsError"),
    documents.DuplicateName: (409, "DuplicateEntryError"),
    documents.DuplicateValue: (417, "UniqueValidationError"),
    documents.InvalidName: (417, "ValidationError"),
    documents.InvalidEmail: (417, "InvalidEmailAddressError"),
    documents.InvalidPhone: (417, "InvalidPhoneNumberError"),
    documents.TextTooLong: (417, "CharacterLengthExceededError"),
    documents.FixedField: (417, "CannotChangeConstantError"),
    documents.StaleDocument: (417, "TimestampMismatchError"),
    documents.InvalidTransition: (417, "DocstatusTransitionError"),
    documents.ChangedAfterSubmit: (417, "UpdateAfterSubmitError"),
    auth.UnknownKey: (404, "DoesNotExistError"),
    auth.InvalidKey: (417, "ValidationError"),
    jobs.UnknownJob: (417, "ValidationError"),
    jobs.UnknownQueue: (417, "ValidationError"),
    outbox.UnknownDelivery: (404, "DoesNotExistError"),
    outbox.NothingToSend: (417, "ValidationError"),
    connect.ConnectError: (417, "ValidationError"),
    connect.NotConnected: (417, "NotConnectedError"),
    connect.InvalidFlow: (400, "InvalidStateError"),
    connect.ForeignFlow: (403, "PermissionError"),
    connect.ConsentDenied: (403, "ConsentDeniedError"),
    connect.ProviderUnavailable: (502, "ProviderUnavailableError"),
    sync.SyncError: (417, "ValidationError"),
    sync.UnverifiedPush: (401, "AuthenticationError"),
    sync.RefusedPush: (403, "PermissionError"),
    MissingSecret: (417, "ValidationError"),
    apps.DataError: (417, "DataError"),
    FrappeTypeError: (417, "FrappeTypeError"),
    apps.RateLimitExceededError: (429, "RateLimitExceededError"),
    apps.InvalidSignatureError: (401, "AuthenticationError"),
}


def describe(error: Exception) -> tuple[int, str]:
    """Return the status and the name that an error goes out with.

    The nearest class in the table decides; an app's own subclass keeps its own name, and its ``http_status_code``.
    """
    kind = type(error)
    for base in kind.__mro__:
        found = STATUS_AND_NAME.get(base)
        if found is not None:
            status, name = found
            own_name = name if kind.__module__.startswith("demitasse.") else kind.__name__
            return getattr(error, "http_status_code", status), own_name
    return getattr(error, "http_status_code", 500), kind.__name__
