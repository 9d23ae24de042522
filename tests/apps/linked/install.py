"""Two users who can log in."""

import frappe

USERS = ("asha@shop.test", "ravi@shop.test")
PASSWORD = "a-long-password-of-theirs"


def after_install():
    for user in USERS:
        values = {"doctype": "User", "email": user, "first_name": user.partition("@")[0], "new_password": PASSWORD}
        frappe.get_doc(values).insert(ignore_permissions=True)
