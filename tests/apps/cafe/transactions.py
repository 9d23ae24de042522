"""Functions that commit, roll back, fail half-way, and take their time."""

import time

import frappe


def _insert_lead(lead_name):
    return frappe.get_doc({"doctype": "Lead", "lead_name": lead_name}).insert()


@frappe.whitelist(methods=["POST"])
def save(lead_name):
    return _insert_lead(lead_name).name


@frappe.whitelist(methods=["POST"])
def save_then_roll_back(lead_name):
    name = _insert_lead(lead_name).name
    frappe.db.rollback()
    return name


@frappe.whitelist(methods=["POST"])
def save_then_fail(lead_name):
    _insert_lead(lead_name)
    raise RuntimeError("the grinder is jammed")


@frappe.whitelist(methods=["POST"])
def save_then_throw(lead_name):
    _insert_lead(lead_name)
    frappe.throw("The order is cancelled")


@frappe.whitelist(methods=["POST"])
def keep_one_undo_one(kept, undone):
    """Undo one of two saves with a savepoint, the later one."""
    first = _insert_lead(kept).name
    frappe.db.savepoint("second_cup")
    _insert_lead(undone)
    frappe.db.rollback(save_point="second_cup")
    return first


@frappe.whitelist(methods=["POST"])
def undo_a_change(lead_name):
    """Save, then change the same document inside a savepoint that is rolled back."""
    lead = _insert_lead(lead_name)
    frappe.db.savepoint("change")
    lead.company_name = "Undone Ltd"
    lead.save()
    frappe.db.rollback(save_point="change")
    return lead.name


@frappe.whitelist(methods=["POST"])
def save_twice(lead_name, last_company):
    """Insert and save again, in one transaction."""
    lead = _insert_lead(lead_name)
    lead.company_name = "First Ltd"
    lead.save()
    lead.company_name = last_company
    lead.save()
    return lead.name


@frappe.whitelist(methods=["POST"])
def commit_between(first, second):
    """Save, commit, save again and fail: only the first is there."""
    _insert_lead(first)
    frappe.db.commit()
    _insert_lead(second)
    raise RuntimeError("out of beans")


@frappe.whitelist()
def sleep(seconds):
    time.sleep(float(seconds))
    return "awake"


@frappe.whitelist(methods=["POST"])
def write_then_sleep(lead_name, seconds):
    """Hold the write turn while sleeping."""
    lead = _insert_lead(lead_name)
    time.sleep(float(seconds))
    return lead.name
