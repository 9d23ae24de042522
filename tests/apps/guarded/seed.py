"""The users of the fixture: one for each role, named after it."""

import frappe

ROLES = ("Payroll", "Writer", "Editor", "Chief", "Clerk", "Approver", "Director")


def seed():
    for role in ROLES:
        for user in (role.lower(), f"second.{role.lower()}"):
            frappe.get_doc(
                {
                    "doctype": "User",
                    "email": f"{user}@example.com",
                    "first_name": role,
                    "roles": [{"role": role}],
                }
            ).insert()
