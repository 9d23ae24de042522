"""What a site has from the start. Each step adds what is missing and leaves what is there as it is."""

from trade.crm.masters import lead_sources
from trade.contacts.masters import genders, salutations
from trade.geo.masters import countries, currencies
from trade.masters import insert_missing
from trade.setup.masters import territories

ROLES = ("Sales User", "Sales Manager", "Sales Master Manager", "Stock User", "Stock Manager", "Item Manager")


def before_install():
    insert_missing("Role", ({"role_name": role, "desk_access": 1} for role in ROLES))


def after_install():
    insert_missing("Currency", currencies())
    insert_missing("Country", countries())
    insert_missing("Gender", genders())
    insert_missing("Salutation", salutations())
    insert_missing("Territory", territories())
    insert_missing("Lead Source", lead_sources())


def after_migrate():
    after_install()
