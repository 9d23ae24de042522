"""The names that conditions and templates see."""

from datetime import datetime

from demitasse.events.functions import FrappeNames, Functions
from demitasse.events.view import DocumentView


def event_scope(doc: DocumentView, *, now: datetime) -> dict[str, object]:
    """Return the names for one event of one document: ``doc``, ``doc_before``, ``utils``, ``frappe`` and the clock.

    Args:
        doc: The document; it knows the one before it and the site's time zone.
        now: The present moment, aware.
    """
    utils = Functions(doc.local(now))
    return {
        "doc": doc,
        "doc_before": doc.get_doc_before_save(),
        "utils": utils,
        "frappe": FrappeNames(utils),
        "nowdate": utils.nowdate,
        "today": utils.today,
        "now": utils.now,
        "now_datetime": utils.now_datetime,
    }
