"""The doorway for Python apps: the names that ``import frappe`` offers inside a site's process.

Each is a thin call into a room below. Unlike other rooms this one exports from its package, since apps use it so.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from demitasse.auth.credentials import actor_of
from demitasse.auth.model import Reach, reach
from demitasse.documents import store
from demitasse.documents.errors import DocumentNotFound
from demitasse.frappe import exceptions
from demitasse.frappe.background import enqueue, enqueue_doc
from demitasse.frappe.cache import Cache
from demitasse.frappe.context import current, find_current
from demitasse.frappe.database import Database, doctype_of, rows_of
from demitasse.frappe.error_log import get_traceback, log_error
from demitasse.frappe.exceptions import (
    AuthenticationError,
    CancelledLinkError,
    DataError,
    DoesNotExistError,
    DuplicateEntryError,
    InvalidEmailAddressError,
    InvalidSignatureError,
    LinkExistsError,
    LinkValidationError,
    MandatoryError,
    PermissionError,
    RateLimitExceededError,
    RetryBackgroundJobError,
    TimestampMismatchError,
    UniqueValidationError,
    UpdateAfterSubmitError,
    ValidationError,
)
from demitasse.frappe.messages import clear_messages, msgprint, throw
from demitasse.frappe.model.document import Document, controller_of, copy_doc, document_of
from demitasse.frappe.model.meta import Meta
from demitasse.frappe.pages import respond_as_web_page
from demitasse.frappe.proxies import Conf, Flags, FormDict, Local, Request, Response, Session
from demitasse.frappe.realtime import publish_progress, publish_realtime
from demitasse.frappe.values import AttrDict
from demitasse.frappe.whitelisting import whitelist
from demitasse.kernel import json
from demitasse.kernel.ids import random_name

__version__ = "16.0.0"
_dict = AttrDict
cache = Cache()
db = Database()
session = Session()
conf = Conf()
request = Request()
form_dict = FormDict()
response = Response()
flags = Flags()
local = Local()


def get_doc(*args: Any, **kwargs: Any) -> Document:
    """Return a stored document by DocType and name or filters, or a new one from a dictionary.

    Raises:
        DoesNotExistError: there is no such document.
    """
    if args and isinstance(args[0], Document):
        return args[0]
    if args and isinstance(args[0], Mapping):
        return _new({**args[0], **kwargs})
    if not args:
        return _new(kwargs)
    call = current()
    doctype = doctype_of(args[0])
    if doctype.is_single:
        return document_of(store.load_single(call.site.documents, call.tx, doctype))
    name = args[1] if len(args) > 1 else kwargs.get("name") or kwargs.get("filters")
    if isinstance(name, Mapping | list):
        found = db.get_value(args[0], name, "name")
        if found is None:
            message = f"{doctype.name} with {name} not found"
            raise DocumentNotFound(message, doctype=doctype.name)
        name = found
    if name is None:
        return _new({"doctype": args[0], **kwargs})
    return document_of(store.load(call.site.documents, call.tx, doctype, str(name)))


def _new(values: Mapping[str, Any]) -> Document:
    doctype = values.get("doctype")
    if not doctype:
        message = 'A new document needs its DocType: {"doctype": "Lead", ...}'
        raise ValidationError(message)
    given = dict(values)
    name = given.get("name")
    registry = current().site.documents.registry
    document = controller_of(str(doctype))(given)
    if name and not given.get("__islocal"):
        call = current()
        meta = registry.get(str(doctype))
        stored = None if meta.is_table or meta.is_single else store.find(call.site.documents, call.tx, meta, str(name))
        if stored is not None:
            document._record.is_new = False  # noqa: SLF001 - made by this room
            for key in ("name", "owner", "creation"):
                document._record.values[key] = stored.values[key]  # noqa: SLF001
    return document


def new_doc(
    doctype: str, *, parent_doc: Document | None = None, parentfield: str | None = None, **values: Any
) -> Document:
    """Return a new document of a DocType."""
    return _new({"doctype": doctype, **values})


def get_cached_doc(*args: Any, **kwargs: Any) -> Document:
    """Return a stored document; it is read each time, which costs tens of microseconds."""
    return get_doc(*args, **kwargs)


def get_last_doc(doctype: str, filters: Any = None, order_by: str = "creation desc") -> Document:
    """Return the newest document that matches."""
    name = db.get_value(doctype, filters, "name", order_by=order_by)
    if name is None:
        message = f"There is no {doctype} that matches"
        raise DocumentNotFound(message, doctype=doctype)
    return get_doc(doctype, name)


def get_single(doctype: str) -> Document:
    """Return a single."""
    return get_doc(doctype, doctype)


def get_all(doctype: str, *args: Any, **kwargs: Any) -> list[Any]:
    """Return rows without a permission check; all of them unless ``limit`` says less."""
    kwargs = _list_arguments(args, kwargs)
    kwargs.setdefault("limit", kwargs.pop("limit_page_length", 0))
    return rows_of(doctype, as_actor=False, **kwargs)


def get_list(doctype: str, *args: Any, **kwargs: Any) -> list[Any]:
    """Return the rows that the actor may read; 20 unless ``limit`` says else."""
    kwargs = _list_arguments(args, kwargs)
    return rows_of(doctype, as_actor=not kwargs.get("ignore_permissions"), **kwargs)


def _list_arguments(args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(("fields", "filters", "order_by"), args, strict=False)), **kwargs}


def get_value(*args: Any, **kwargs: Any) -> Any:
    """Return a field of a document; see ``frappe.db.get_value``."""
    return db.get_value(*args, **kwargs)


get_cached_value = get_value


def set_value(doctype: str, docname: str, fieldname: str | Mapping[str, Any], value: Any = None) -> Document:
    """Change fields of a document through its checks and hooks, and return it."""
    document = get_doc(doctype, docname)
    document.update({fieldname: value} if isinstance(fieldname, str) else fieldname)
    return document.save()


def delete_doc(
    doctype: str,
    name: str | None = None,
    force: bool = False,
    ignore_permissions: bool = False,
    ignore_missing: bool = True,
    **_: Any,
) -> None:
    """Remove a document; ``force`` leaves broken links behind."""
    call = current()
    record = store.find(call.site.documents, call.tx, doctype_of(doctype), str(name))
    if record is None:
        if not ignore_missing:
            message = f"{doctype} {name} not found"
            raise DocumentNotFound(message, doctype=doctype, name=name)
        return
    document_of(record).delete(ignore_permissions=ignore_permissions, force=bool(force))


def get_meta(doctype: str, cached: bool = True) -> Meta:
    """Return a DocType."""
    return Meta(doctype_of(doctype))


def has_permission(
    doctype: str,
    ptype: str = "read",
    doc: Document | str | None = None,
    user: str | None = None,
    throw: bool = False,
    **_: Any,
) -> bool:
    """Return whether a user may do something with a DocType, or with one document."""
    call = current()
    actor = call.actor if user is None else actor_of(call.tx, user)
    meta = doctype_of(doctype)
    allowed = reach(meta, ptype, actor) is not Reach.NONE
    if allowed and doc is not None:
        found = doc if isinstance(doc, Document) else get_doc(doctype, doc)
        allowed = found.has_permission(ptype)
    if not allowed and throw:
        message = f"No permission for {doctype}"
        raise PermissionError(message, doctype=doctype, action=ptype)
    return allowed


def only_for(roles: str | Sequence[str], message: bool = False) -> None:
    """Stop unless the actor has one of the roles."""
    wanted = {roles} if isinstance(roles, str) else set(roles)
    actor = current().actor
    if not actor.is_administrator and not wanted & actor.roles:
        text = f"This is only for users with the role {', '.join(sorted(wanted))}"
        raise PermissionError(text)


def get_roles(username: str | None = None) -> list[str]:
    """Return the roles of a user."""
    call = current()
    actor = call.actor if username is None else actor_of(call.tx, username)
    return sorted(actor.roles)


def set_user(username: str) -> None:
    """Act as another user for the rest of the call."""
    call = current()
    call.actor = actor_of(call.tx, username)


def get_request_header(key: str, default: str | None = None) -> str | None:
    """Return a header of the request that is being answered."""
    call = find_current()
    if call is None or call.request is None:
        return default
    return call.request.headers.get(key.lower(), default)


def get_site_config() -> AttrDict:
    """Return the configuration of the site."""
    return AttrDict(current().site.settings.conf)


def get_installed_apps(**_: Any) -> list[str]:
    """Return the names of the installed apps."""
    return list(current().site.apps.names())


def get_hooks(hook: str | None = None, default: Any = None, app_name: str | None = None) -> Any:
    """Return the values of a hook from all apps, or from one."""
    apps = current().site.apps
    if hook is None:
        return AttrDict({key: list(apps.hook(key)) for app in apps for key in app.hooks})
    found = apps.get(app_name).paths(hook) if app_name else apps.hook(hook)
    return list(found) or default or []


def get_attr(path: str) -> Callable[..., Any]:
    """Return a function by its dotted path."""
    return current().site.resolve(path)


def call(path: str, *args: Any, **kwargs: Any) -> Any:
    """Call a function by its dotted path."""
    return get_attr(path)(*args, **kwargs)


def parse_json(value: Any) -> Any:
    """Return what JSON text stands for; other values as they are."""
    if isinstance(value, str):
        value = json.decode(value)
    return AttrDict(value) if isinstance(value, dict) else value


def as_json(value: Any, indent: int = 1) -> str:
    """Return JSON for people."""
    return json.encode_pretty(value).decode()


def bold(text: Any) -> str:
    """Return text as bold HTML."""
    return f"<strong>{text}</strong>"


def generate_hash(txt: str | None = None, length: int = 56) -> str:
    """Return a random name."""
    return random_name(length)


def _(msg: str, lang: str | None = None, context: str | None = None) -> str:
    """Return a message in the user's language; there is one language."""
    return msg


@whitelist(allow_guest=True, inline=True)
def ping() -> str:
    """Answer ``pong``."""
    return "pong"


__all__ = [
    "AuthenticationError",
    "CancelledLinkError",
    "DataError",
    "Document",
    "DoesNotExistError",
    "DuplicateEntryError",
    "InvalidEmailAddressError",
    "InvalidSignatureError",
    "LinkExistsError",
    "LinkValidationError",
    "MandatoryError",
    "PermissionError",
    "RateLimitExceededError",
    "RetryBackgroundJobError",
    "TimestampMismatchError",
    "UniqueValidationError",
    "UpdateAfterSubmitError",
    "ValidationError",
    "_",
    "_dict",
    "as_json",
    "bold",
    "cache",
    "call",
    "clear_messages",
    "conf",
    "copy_doc",
    "db",
    "delete_doc",
    "enqueue",
    "enqueue_doc",
    "exceptions",
    "flags",
    "form_dict",
    "generate_hash",
    "get_all",
    "get_attr",
    "get_cached_doc",
    "get_cached_value",
    "get_doc",
    "get_hooks",
    "get_installed_apps",
    "get_last_doc",
    "get_list",
    "get_meta",
    "get_request_header",
    "get_roles",
    "get_single",
    "get_site_config",
    "get_traceback",
    "get_value",
    "has_permission",
    "local",
    "log_error",
    "msgprint",
    "new_doc",
    "only_for",
    "parse_json",
    "ping",
    "publish_progress",
    "publish_realtime",
    "request",
    "respond_as_web_page",
    "response",
    "session",
    "set_user",
    "set_value",
    "throw",
    "whitelist",
]
