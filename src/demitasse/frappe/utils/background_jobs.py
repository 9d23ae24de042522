"""``frappe.utils.background_jobs``: jobs, as app code asks for them."""

from demitasse.frappe.background import enqueue, enqueue_doc, is_job_enqueued, run_doc_method

__all__ = ["enqueue", "enqueue_doc", "is_job_enqueued", "run_doc_method"]
