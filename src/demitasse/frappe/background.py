"""``frappe.enqueue`` and its kin: work that goes on after the call, as durable as what the call writes."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.documents import store
from demitasse.documents.errors import DocumentError, DocumentNotFound
from demitasse.frappe.context import Call, current
from demitasse.frappe.job_arguments import decode_arguments, encode_arguments
from demitasse.frappe.model.document import document_of
from demitasse.frappe.values import AttrDict
from demitasse.jobs import operations
from demitasse.jobs.model import ClaimedJob, NewJob
from demitasse.jobs.store import is_queued

_RUN_DOC_METHOD = "frappe.utils.background_jobs.run_doc_method"
_UNSUPPORTED = ("on_success", "on_failure")


def enqueue(
    method: str | Callable[..., Any],
    queue: str = "default",
    timeout: int | None = None,
    event: str | None = None,
    is_async: bool = True,
    job_name: str | None = None,
    now: bool = False,
    enqueue_after_commit: bool = False,
    *,
    on_success: Any = None,
    on_failure: Any = None,
    at_front: bool = False,
    job_id: str | None = None,
    deduplicate: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a function later, in another thread and transaction, in the name of the running call's user.

    The job is a part of the running transaction: it runs after the commit, and never when the call is undone; so
    ``enqueue_after_commit`` is always in force. A call that may only read queues it when it has ended.

    Args:
        timeout: Seconds for one attempt.
        is_async: False, as ``now``, calls the function here and returns what it returns.
        job_id: With ``deduplicate`` the job is not queued while another of this id waits or runs.
        kwargs: Of the function; see `encode_arguments` for what can wait.

    Returns:
        The job, with ``id``; ``None`` when another stands for it.
    """
    path = method if isinstance(method, str) else path_of(method)
    call = current()
    if now or not is_async:
        return function_at(call, path)(**kwargs)
    for name, value in zip(_UNSUPPORTED, (on_success, on_failure), strict=True):
        if value is not None:
            message = f"{name} is not called here: call it at the end of the function, or in its except"
            raise DocumentError(message, argument=name)
    function_at(call, path)
    new = NewJob(
        method=path,
        arguments=encode_arguments(kwargs),
        user=call.actor.user,
        queue=queue,
        timeout_s=None if timeout is None else int(timeout),
        job_name=job_name,
        job_id=job_id,
        is_unique=deduplicate,
        is_urgent=at_front,
    )
    if not call.tx.writable:
        call.after_call.append(partial(_queue_after, call, new))
        return AttrDict(id=None, job_id=job_id)
    queued = _queue(call, new, call.tx)
    return None if queued is None else AttrDict(id=queued, job_id=job_id)


def enqueue_doc(
    doctype: str,
    name: str | None = None,
    method: str | None = None,
    queue: str = "default",
    timeout: int = 300,
    now: bool = False,
    **kwargs: Any,
) -> Any:
    """Call a method of a document later; see `enqueue`."""
    switches = {
        key: kwargs.pop(key)
        for key in ("job_id", "deduplicate", "job_name", "at_front", "enqueue_after_commit", "is_async")
        if key in kwargs
    }
    return enqueue(
        _RUN_DOC_METHOD,
        queue=queue,
        timeout=timeout,
        now=now,
        doctype=doctype,
        name=name,
        doc_method=method,
        kwargs=kwargs,
        **switches,
    )


def run_doc_method(doctype: str, name: str, doc_method: str, kwargs: dict[str, Any] | None = None, **more: Any) -> Any:
    """Call a method of a stored document."""
    call = current()
    meta = call.site.documents.registry.get(doctype)
    record = (
        store.load_single(call.site.documents, call.tx, meta)
        if meta.is_single
        else store.load(call.site.documents, call.tx, meta, str(name))
    )
    return getattr(document_of(record), doc_method)(**(kwargs or {}), **more)


def is_job_enqueued(job_id: str) -> bool:
    """Return whether a job of this id waits or runs."""
    return is_queued(current().tx, job_id)


def run_job(job: ClaimedJob) -> Any:
    """Call the function of a job, in the running call."""
    return function_at(current(), job.method)(**decode_arguments(job.arguments))


def function_at(call: Call, path: str) -> Callable[..., Any]:
    """Return the function at a dotted path.

    Raises:
        DocumentNotFound: there is none.
    """
    try:
        return call.site.resolve(path)
    except (ImportError, AttributeError) as error:
        message = f"There is no function {path} to run as a job: {error}"
        raise DocumentNotFound(message, function=path) from error


def path_of(function: Callable[..., Any]) -> str:
    """Return the dotted path of a function.

    Raises:
        DocumentError: it has none: a lambda, a method, a function within another.
    """
    name = getattr(function, "__qualname__", "")
    if not inspect.isroutine(function) or inspect.ismethod(function) or "<" in name or "." in name:
        message = f"{name or function!r} cannot be found again by its path: give a function of a module"
        raise DocumentError(message)
    return f"{function.__module__}.{name}".removeprefix("demitasse.")


def _queue(call: Call, new: NewJob, tx: Transaction) -> str | None:
    name = operations.enqueue(tx, new, now=call.site.documents.clock())
    tx.after_commit(call.site.bell.ring)
    return name


def _queue_after(call: Call, new: NewJob, tx: Transaction) -> None:
    _queue(call, new, tx)
