"""``frappe.realtime``: what apps publish to those who are connected.

One thing differs from Frappe: without a user, a room or a document a message goes to the user who makes the call, and
not to everybody. ``room="all"`` is everybody who is logged in.
"""

from collections.abc import Mapping
from typing import Any

from demitasse.frappe.context import current


def publish_realtime(
    event: str | None = None,
    message: Any = None,
    room: str | None = None,
    user: str | None = None,
    doctype: str | None = None,
    docname: str | None = None,
    task_id: str | None = None,
    after_commit: bool = False,
) -> None:
    """Send an event to a room, a user, or those who watch a document; with ``after_commit`` once that is durable."""
    call = current()
    publish = call.site.realtime.publish
    if publish is None:
        return  # Nobody is connected to a command.
    message = {} if message is None else message
    event = event or ("task_progress" if task_id else "global")
    about: dict[str, Any] | None = None
    if event == "list_update" and not room:
        doctype = doctype or _text(message, "doctype")
        docname = docname or _text(message, "name")
        room = get_doctype_room(doctype or "")
    if not room and task_id:
        room = get_task_progress_room(task_id)
        message = {"task_id": task_id, **message} if isinstance(message, Mapping) else message
    elif not room and not user and doctype and docname:
        room = get_doc_room(doctype, docname)
    topic = room or get_user_room(user or call.actor.user)
    if topic.startswith(("doctype:", "doc:")):
        about = _about(topic, docname)
    if after_commit:
        sent = publish
        call.tx.after_commit(lambda: sent(topic, event, message, about=about))
    else:
        publish(topic, event, message, about=about)


def publish_progress(
    percent: float,
    title: str = "Progress",
    doctype: str | None = None,
    docname: str | None = None,
    description: str | None = None,
    task_id: str | None = None,
) -> None:
    """Tell the user who makes the call, or those who watch a document, how far something has come."""
    message = {"percent": percent, "title": title, "description": description}
    publish_realtime("progress", message, doctype=doctype, docname=docname, task_id=task_id)


def get_doctype_room(doctype: str) -> str:
    """Return the topic of a DocType."""
    return f"doctype:{doctype}"


def get_doc_room(doctype: str, docname: str) -> str:
    """Return the topic of a document."""
    return f"doc:{doctype}/{docname}"


def get_user_room(user: str) -> str:
    """Return the topic of a user."""
    return f"user:{user}"


def get_task_progress_room(task_id: str) -> str:
    """Return the topic of a task."""
    return f"task_progress:{task_id}"


def get_site_room() -> str:
    """Return the topic of everybody who is logged in."""
    return "all"


def _about(topic: str, docname: str | None) -> dict[str, Any]:
    """Return what is checked before it is sent: whoever may not read the document gets nothing of it."""
    doctype, _, name = topic.partition(":")[2].partition("/")
    return {"doctype": doctype, "name": name or docname}


def _text(message: Any, key: str) -> str | None:
    value = message.get(key) if isinstance(message, Mapping) else None
    return value if isinstance(value, str) else None
