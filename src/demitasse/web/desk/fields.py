"""Which fields of a DocType an actor sees and may change, and words for the states of documents."""

from demitasse.auth.errors import NotPermitted
from demitasse.auth.model import Actor, levels
from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType, Field
from demitasse.documents import access
from demitasse.documents.context import DocumentContext
from demitasse.documents.model import DocStatus, Record

_GOOD = frozenset(
    {"active", "approved", "completed", "connected", "converted", "delivered", "done", "enabled", "paid", "sent"}
    | {"success", "synced"}
)
_BAD = frozenset(
    {"broken", "cancelled", "disabled", "error", "exhausted", "expired", "failed", "lost", "overdue", "rejected"}
)
_WAITING = frozenset(
    ["pending", "queued", "retrying", "held", "paused", "replied", "hold", "partially", "conflict", "parked"]
)
_FRESH = frozenset(["open", "new", "submitted"])
STATUS_WORDS = {DocStatus.DRAFT: "Draft", DocStatus.SUBMITTED: "Submitted", DocStatus.CANCELLED: "Cancelled"}


def readable(doctype: DocType, actor: Actor) -> frozenset[int]:
    """Return the permission levels that an actor may read."""
    return levels(doctype, "read", actor) | {0}


def writable(doctype: DocType, actor: Actor) -> frozenset[int]:
    """Return the permission levels that an actor may write."""
    return levels(doctype, "write", actor) | {0}


def shown_columns(doctype: DocType, actor: Actor, *, most: int = 6) -> list[Field]:
    """Return the columns of a list: those of ``in_list_view``, else the first that are mandatory."""
    allowed = readable(doctype, actor)
    visible = [
        field
        for field in doctype.data_fields
        if field.permlevel in allowed and not field.type.is_secret and not field.hidden
    ]
    chosen = [field for field in visible if field.in_list_view] or [field for field in visible if field.required]
    return [field for field in chosen if field.name != doctype.title_field][:most]


def filterable(doctype: DocType, actor: Actor) -> list[Field]:
    """Return what a list may be filtered and sorted by."""
    allowed = readable(doctype, actor)
    own = [field for field in doctype.data_fields if field.permlevel in allowed and not field.type.is_secret]
    standard = [doctype.by_name[name] for name in ("name", "owner", "creation", "modified", "modified_by")]
    status = [doctype.by_name["docstatus"]] if doctype.is_submittable else []
    return [*own, *status, *standard]


def title_of(doctype: DocType, actor: Actor) -> Field | None:
    """Return the field that names a document to people, if there is one and the actor may read it."""
    field = doctype.by_name.get(doctype.title_field or "")
    return field if field is not None and field.permlevel in readable(doctype, actor) else None


def level_of(word: str) -> str:
    """Return the colour of a state by what it is called."""
    parts = set(word.lower().split())
    if parts & _BAD:
        return "danger"
    if parts & _WAITING:
        return "warning"
    if parts & _GOOD:
        return "success"
    return "info" if parts & _FRESH else "secondary"


def may(context: DocumentContext, tx: Transaction, record: Record, action: str, actor: Actor) -> bool:
    """Return whether an actor may do something with a document."""
    try:
        access.check_record(context, tx, record, action, actor=actor)
    except NotPermitted:
        return False
    return True
