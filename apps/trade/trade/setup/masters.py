"""The roots of the trees and what stands below them, and the units."""

WHOLE_UNITS = ("Box", "Carton", "Dozen", "Nos", "Pack", "Pair", "Set", "Tub", "Unit")
MEASURES = (
    "Centimeter",
    "Cup",
    "Day",
    "Gram",
    "Hour",
    "Kg",
    "Litre",
    "Meter",
    "Millilitre",
    "Minute",
    "Percent",
    "Tonne",
)


def territories():
    yield from _tree("Territory", "All Territories", ("India", "Rest Of The World"))


def customer_groups():
    groups = ("Commercial", "Government", "Individual", "Non Profit", "Retail", "Wholesale")
    yield from _tree("Customer Group", "All Customer Groups", groups)


def item_groups():
    groups = ("Consumable", "Products", "Raw Material", "Services", "Sub Assemblies")
    yield from _tree("Item Group", "All Item Groups", groups)


def units():
    for name in WHOLE_UNITS:
        yield {"uom_name": name, "must_be_whole_number": 1}
    for name in MEASURES:
        yield {"uom_name": name}


def _tree(doctype, root, names):
    field = doctype.lower().replace(" ", "_")
    yield {f"{field}_name": root, "is_group": 1}
    for name in names:
        yield {f"{field}_name": name, f"parent_{field}": root}
