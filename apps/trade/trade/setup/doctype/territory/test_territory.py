import frappe
from frappe.tests import IntegrationTestCase

from trade.samples import a_name, new

ROOT = "All Territories"


def territory(parent=None, is_group=0):
    return new("Territory", territory_name=a_name("T"), parent_territory=parent, is_group=is_group).insert()


class TestTerritory(IntegrationTestCase):
    def test_a_territory_without_a_parent_stands_below_the_root(self):
        self.assertEqual(territory().parent_territory, ROOT)

    def test_nothing_stands_below_a_territory_that_is_no_group(self):
        leaf = territory()
        with self.assertRaises(frappe.ValidationError):
            territory(leaf.name)

    def test_a_territory_cannot_stand_below_itself(self):
        upper = territory(is_group=1)
        lower = territory(upper.name, is_group=1)
        upper.parent_territory = lower.name
        with self.assertRaises(frappe.ValidationError):
            upper.save()

    def test_a_group_with_others_below_it_stays_one(self):
        upper = territory(is_group=1)
        territory(upper.name)
        upper.is_group = 0
        with self.assertRaises(frappe.ValidationError):
            upper.save()

    def test_a_group_with_others_below_it_cannot_be_deleted(self):
        upper = territory(is_group=1)
        lower = territory(upper.name)
        with self.assertRaises(frappe.ValidationError):
            upper.delete()
        lower.delete()
        upper.delete()
        self.assertFalse(frappe.db.exists("Territory", upper.name))
