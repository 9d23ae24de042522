"""The links of contacts and addresses to whom they belong."""

import frappe


def tidy_links(document):
    """Drop repeated links, and write the title of what they lead to."""
    seen = set()
    for link in list(document.links):
        key = (link.link_doctype, link.link_name)
        if key in seen:
            document.remove(link)
            continue
        seen.add(key)
        link.link_title = title_of(*key)


def title_of(doctype, name):
    """Return what people call a document; its name where it has no title."""
    if not doctype or not name:
        return None
    field = frappe.get_meta(doctype).title_field
    return (frappe.db.get_value(doctype, name, field) if field else None) or name


def linked_names(doctype, link_doctype, link_name):
    """Return the contacts or addresses of someone."""
    filters = {"link_doctype": link_doctype, "link_name": link_name, "parenttype": doctype}
    return frappe.get_all("Dynamic Link", filters=filters, pluck="parent")
