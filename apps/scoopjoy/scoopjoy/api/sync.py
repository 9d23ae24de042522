"""HQ and its outlets in step: outlets pull what is sold and at what price, and push what they have sold.

The DocTypes Remote Site and Sync Rule are Demitasse's; without them there is nothing here to do.
"""

import frappe

HQ = "HQ"
PULLED = ("Item Group", "Item", "Item Price")
"""What HQ decides. The order is that of their links; what else they link to is fetched with them."""
PUSHED = ("Customer", "Contact", "Address", "Sales Order")
"""What an outlet tells HQ; an order comes after those whom it is for."""


@frappe.whitelist(methods=["POST"])
def sync_items_from_hq():
    """Queue a pull of every rule that this outlet has for HQ, and return their names; runs each five minutes too."""
    if not has_sync():
        return []
    filters = {"remote_site": HQ, "pattern": "Pull", "enabled": 1, "document_type": ["in", PULLED]}
    rules = frappe.get_all("Sync Rule", filters=filters, pluck="name")
    for rule in sorted(rules, key=lambda name: PULLED.index(frappe.db.get_value("Sync Rule", name, "document_type"))):
        frappe.enqueue(
            "frappe.integrations.sync_jobs.run_rule", queue="long", job_id=f"sync:{rule}", deduplicate=True, rule=rule
        )
    return rules


@frappe.whitelist(methods=["POST"])
def join_hq(url, api_key, api_secret, push_secret):
    """Make this site an outlet of HQ: it pulls items and prices, takes HQ's pushes of them, and pushes its orders."""
    frappe.only_for("System Manager")
    _remote_site(HQ, url, api_key, api_secret, push_secret)
    for doctype in PULLED:
        _rule(HQ, doctype, "Pull", conflict_policy="Source Wins")
    for doctype in PUSHED:
        _rule(HQ, doctype, "Push")
    return sync_items_from_hq()


@frappe.whitelist(methods=["POST"])
def add_outlet(name, url, api_key, api_secret, push_secret):
    """Make another site an outlet of this HQ: prices and items are pushed to it as they change, and its orders taken.

    Orders get a number of HQ's own, since every outlet counts from 1; so do those whom they are for.
    """
    frappe.only_for("System Manager")
    _remote_site(name, url, api_key, api_secret, push_secret)
    for doctype in PULLED:
        _rule(name, doctype, "Push")
    for doctype in PUSHED:
        _rule(name, doctype, "Receive", naming="Same Name" if doctype == "Customer" else "Own Name")


def has_sync():
    """Return whether this server keeps sites in step."""
    try:
        return bool(frappe.get_meta("Sync Rule"))
    except Exception:  # noqa: BLE001 - however a server says that it knows no such DocType
        return False


def _remote_site(name, url, api_key, api_secret, push_secret):
    values = {"site_url": url, "api_key": api_key, "api_secret": api_secret, "push_secret": push_secret}
    if frappe.db.exists("Remote Site", name):
        site = frappe.get_doc("Remote Site", name)
        site.update(values)
        site.save()
    else:
        frappe.get_doc({"doctype": "Remote Site", "site_name": name, **values}).insert()


def _rule(site, doctype, pattern, **more):
    name = f"{site} {doctype} {pattern}"
    if not frappe.db.exists("Sync Rule", name):
        values = {"name": name, "remote_site": site, "document_type": doctype, "pattern": pattern}
        frappe.get_doc({"doctype": "Sync Rule", **values, **more}).insert()
