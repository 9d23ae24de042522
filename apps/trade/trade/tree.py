"""DocTypes whose documents stand below each other."""

import frappe
from frappe.model.document import Document


class TreeDocument(Document):
    """A document of a tree; a subclass names the field of its parent."""

    inline_safe = True
    nsm_parent_field: str

    def validate(self):
        if not self.parent_name():
            self.set(self.nsm_parent_field, self.default_parent())
        self._check_parent()
        if not self.is_group and not self.is_new() and self._has_children():
            frappe.throw(f"{self.doctype} {self.name} has others below it, so it must stay a group")

    def on_trash(self):
        if self._has_children():
            frappe.throw(f"{self.doctype} {self.name} has others below it: move or delete those first")

    def parent_name(self):
        return self.get(self.nsm_parent_field)

    def default_parent(self):
        """Return the root: the first group that stands below nothing."""
        filters = {self.nsm_parent_field: ["is", "not set"], "is_group": 1, "name": ["!=", self.name]}
        return frappe.db.get_value(self.doctype, filters, "name", order_by="creation asc")

    def _check_parent(self):
        above = self.parent_name()
        if above and not frappe.db.get_value(self.doctype, above, "is_group"):
            frappe.throw(f"{self.doctype} {above} is not a group, so nothing can stand below it")
        seen = set()
        while above and above not in seen:
            if above == self.name:
                frappe.throw(f"{self.doctype} {self.name} cannot stand below itself")
            seen.add(above)
            above = frappe.db.get_value(self.doctype, above, self.nsm_parent_field)

    def _has_children(self):
        return frappe.db.exists(self.doctype, {self.nsm_parent_field: self.name})
