"""Jobs that leave a Role behind, so that who looks can count them."""

import os
import time
from pathlib import Path

import frappe


def note(name, *, seconds=0, at=None, doc=None):
    time.sleep(seconds)
    frappe.get_doc({"doctype": "Role", "role_name": f"{name} by {frappe.session.user}"}).insert(ignore_permissions=True)
    if at is not None:
        assert at.year == 2026, at
    if doc is not None:
        doc.db_set("disabled", 1)


def count_in_file(path):
    """Add a line to a file, which tells how often a job ran whatever became of its transaction."""
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")


def fail(path=None):
    if path:
        count_in_file(path)
    frappe.get_doc({"doctype": "Role", "role_name": "half done"}).insert()
    frappe.log_error("Chores", "a chore failed")
    frappe.throw("The broom is gone")


def try_again(path, enough):
    """Ask to run again until it has run so many times."""
    count_in_file(path)
    if len(Path(path).read_text().splitlines()) < enough:
        raise frappe.RetryBackgroundJobError("not yet")


def spin(path):
    count_in_file(path)
    while True:
        pass


def end_process(path):
    """End the process, once a file says that it may."""
    count_in_file(path)
    attempt = len(Path(path).read_text().splitlines())
    while not Path(f"{path}.{attempt}").exists():
        time.sleep(0.01)
    os._exit(1)


def wait_for_file(path):
    """Run until a file is there."""
    count_in_file(f"{path}.began")
    while not Path(path).exists():
        time.sleep(0.01)


def sweep():
    pass


def note_hour():
    note("hour")


def tidy():
    pass


def break_down():
    frappe.throw("The week is over")


def fill(names, path):
    for name in names:
        frappe.enqueue(note, name=name)
        frappe.enqueue(count_in_file, path=path, queue="short")
