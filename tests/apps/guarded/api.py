"""Functions of the fixture."""

import frappe
from frappe.client import get_list as borrowed_list  # noqa: F401 - whitelisted where it was made, so reachable here too


@frappe.whitelist(methods=["POST"])
def switch_off(user):
    """Switch a user off past its hooks."""
    frappe.db.set_value("User", user, "enabled", 0)


@frappe.whitelist()
def take_any(*args, **kwargs):
    return [len(args), sorted(kwargs)]


@frappe.whitelist()
def read_key():
    return frappe.get_doc("Guarded Settings").get_password("key")


def not_for_the_web():
    return "never"


@frappe.whitelist(methods=["POST"])
def publish(event=None, message=None, fails=0, **target):
    """Publish to those who are connected, and fail after it if that is asked for."""
    frappe.publish_realtime(event, message, **target)
    if int(fails):
        frappe.throw("after publishing")


@frappe.whitelist(methods=["POST"])
def retitle(name, title):
    """Change a diary past its hooks."""
    frappe.db.set_value("Diary", name, "title", title)
