import frappe
from frappe.model.document import Document

from trade.contacts.links import tidy_links
from trade.naming import free_name


class Contact(Document):
    inline_safe = True

    def autoname(self):
        names = [self._own_name() or "Contact", *(link.link_name for link in self.links[:1])]
        self.name = free_name("Contact", "-".join(name for name in names if name))

    def validate(self):
        self.full_name = self._own_name()
        if len(self.email_ids) == 1:
            self.email_ids[0].is_primary = 1
        self.email_id = self._primary("email_ids", "is_primary", "email_id")
        self.phone = self._primary("phone_nos", "is_primary_phone", "phone")
        self.mobile_no = self._primary("phone_nos", "is_primary_mobile_no", "phone")
        tidy_links(self)

    def _own_name(self):
        names = [name.strip() for name in (self.first_name, self.middle_name, self.last_name) if name and name.strip()]
        fallbacks = (row.email_id for row in self.email_ids)
        return " ".join(names) or self.company_name or next(fallbacks, None)

    def _primary(self, table, mark, field):
        """Return the value of the marked row; two marks are refused."""
        marked = [row for row in self.get(table) or () if row.get(mark)]
        if len(marked) > 1:
            label = frappe.get_meta(marked[0].doctype).get_field(mark).label
            frappe.throw(f"Only one row can be marked '{label}'")
        return marked[0].get(field) if marked else None
