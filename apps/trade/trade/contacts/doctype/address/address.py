import frappe
from frappe.model.document import Document

from trade.contacts.links import tidy_links
from trade.naming import free_name


class Address(Document):
    inline_safe = True
    address_title: str | None

    def autoname(self):
        self._set_title()
        self.name = free_name("Address", f"{self.address_title}-{self.address_type}")

    def validate(self):
        self._set_title()
        tidy_links(self)

    def _set_title(self):
        if not self.address_title:
            names = (link.link_name for link in self.links)
            self.address_title = next((name for name in names if name), None)
        if not self.address_title:
            frappe.throw("An address needs a title, or a link to whom it belongs", frappe.MandatoryError)
