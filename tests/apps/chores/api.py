import frappe
from frappe.utils.background_jobs import is_job_enqueued


@frappe.whitelist(methods=["GET", "POST"])
def enqueue(method, options=None, **kwargs):
    job = frappe.enqueue(f"chores.work.{method}", **(options or {}), **kwargs)
    return job and job.id


@frappe.whitelist(methods=["POST"])
def enqueue_and_throw(name):
    frappe.enqueue(frappe.get_attr("chores.work.note"), name=name, enqueue_after_commit=True)
    frappe.throw("undone")


@frappe.whitelist(methods=["POST"])
def enqueue_values(role):
    doc = frappe.get_doc("Role", role)
    frappe.enqueue(frappe.get_attr("chores.work.note"), name="values", at=frappe.utils.now_datetime(), doc=doc)


@frappe.whitelist(methods=["POST"])
def enqueue_method(user):
    frappe.enqueue_doc("User", user, "db_set", fieldname="last_name", value="Moved")


@frappe.whitelist(methods=["POST"])
def enqueue_lambda():
    frappe.enqueue(lambda: None)


@frappe.whitelist(methods=["POST"])
def enqueue_object():
    frappe.enqueue("chores.work.sweep", thing=object())


@frappe.whitelist()
def is_queued(job_id):
    return is_job_enqueued(job_id)
