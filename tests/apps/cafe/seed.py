"""What the recorded site held: its thousand items, as far as answers tell them apart, and the rest made up to match."""

import frappe

CUSTOMERS = ("Acme Ltd", "Globex", "Initech")
GROUPS = ("Products", "Raw Material", "Services")
LIMITED_USER = "limited@example.com"

_RATES = {
    1: 285.03,
    2: 128.28,
    3: 380.72,
    5: 47.84,
    201: 492.46,
    210: 493.48,
    351: 498.19,
    395: 497.2,
    532: 497.27,
    546: 497.51,
    691: 1.29,
    755: 499.11,
    879: 2.7,
    885: 497.83,
    989: 1.73,
    **dict.fromkeys(range(900, 904), 491.0),  # these four are made up: twelve were above 490
}
_GROUP_OF = {
    **dict.fromkeys((1, 2, 5, 395, 532, 546), "Products"),
    **dict.fromkeys((13, 16, 18), "Services"),
    **dict.fromkeys((3, 4, *range(6, 13), 14, 15, 17, 201, 210, 351, 691, 755, 879, 885, 989), "Raw Material"),
}
_IN_GROUP = {"Products": 314, "Raw Material": 332, "Services": 354}
_DEAR = 509
_DISABLED = range(41, 61)
_SHOWN = (1, 5)
_COUNT = 1000


def seed():
    frappe.get_doc({"doctype": "Item Group", "item_group_name": "All Item Groups"}).insert()
    for group in GROUPS:
        doc = {"doctype": "Item Group", "item_group_name": group, "parent_item_group": "All Item Groups"}
        frappe.get_doc(doc).insert()
    for customer in CUSTOMERS:
        frappe.get_doc({"doctype": "Customer", "customer_name": customer}).insert()
    groups, rates = _groups(), _rates()
    for number in range(_COUNT, 0, -1):
        frappe.get_doc(_item(number, groups[number], rates[number])).insert()
    user = {"doctype": "User", "email": LIMITED_USER, "first_name": "Limited", "roles": [{"role": "Sales User"}]}
    frappe.get_doc(user).insert()


def _item(number, group, rate):
    code = f"ITEM-{number:05}"
    return {
        "doctype": "Item",
        "item_code": code,
        "item_name": f"Widget {number}",
        "item_group": group,
        "stock_uom": "Nos",
        "standard_rate": rate,
        "image": f"/files/{code}.png",
        "description": f"<p>Widget number {number}, <b>good</b> &amp; cheap</p>",
        "show_in_website": int(number in _SHOWN),
        "disabled": int(number in _DISABLED),
    }


def _groups():
    """Give every item a group: the known ones theirs, the others what is missing in each."""
    known = list(_GROUP_OF.values())
    missing = [group for group in GROUPS for _ in range(_IN_GROUP[group] - known.count(group))]
    others = (number for number in range(1, _COUNT + 1) if number not in _GROUP_OF)
    return {**_GROUP_OF, **dict(zip(others, missing, strict=True))}


def _rates():
    """Give every item a rate, so many of them above 250 as there were."""
    missing = _DEAR - sum(rate > 250 for rate in _RATES.values())
    others = [number for number in range(1, _COUNT + 1) if number not in _RATES]
    dear = {number: round(260 + place * 0.2, 2) for place, number in enumerate(others[:missing])}
    cheap = {number: round(10 + place * 0.2, 2) for place, number in enumerate(others[missing:])}
    return {**_RATES, **dear, **cheap}
