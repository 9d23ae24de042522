"""Functions of the recorded site, as whitelisted functions."""

import frappe


@frappe.whitelist()
def peer_echo(**kwargs):
    return kwargs


@frappe.whitelist()
def peer_throw():
    frappe.throw("Custom business rule failed")


@frappe.whitelist()
def peer_throw_titled():
    frappe.throw("Rule <b>failed</b>", title="Not Allowed Here")


@frappe.whitelist()
def peer_msgprint():
    frappe.msgprint("Hello there", title="Note", indicator="green")
    return {"ok": 1}


@frappe.whitelist()
def peer_fail():
    return 1 / 0


@frappe.whitelist(allow_guest=True)
def peer_guest():
    return "guest ok"
