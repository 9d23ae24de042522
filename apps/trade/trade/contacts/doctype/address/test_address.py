import frappe
from frappe.tests import IntegrationTestCase

from trade.contacts.display import address_display
from trade.samples import a_name, customer, new

PLACE = {"address_line1": "12 <MG> Road", "city": "Pune", "pincode": "411001", "country": "India"}


class TestAddress(IntegrationTestCase):
    def test_an_address_is_called_after_whom_it_belongs_to(self):
        owner = customer()
        links = [{"link_doctype": "Customer", "link_name": owner.name}]
        names = [new("Address", address_type="Shipping", links=links, **PLACE).insert().name for _ in range(3)]
        first = f"{owner.name}-Shipping"
        self.assertEqual(names, [first, f"{first}-1", f"{first}-2"])

    def test_an_address_of_nobody_needs_a_title(self):
        with self.assertRaises(frappe.MandatoryError):
            new("Address", **PLACE).insert()

    def test_an_address_is_shown_as_safe_html(self):
        address = new("Address", address_title=a_name("Outlet"), **PLACE).insert()
        self.assertEqual(address_display(address.name), "12 &lt;MG&gt; Road<br>\nPune<br>\n411001<br>\nIndia")
