"""What ScoopJoy sells."""

ITEM_GROUP = "Ice Cream"
GROUPS = ("Cones", "Cups", "Sundaes", "Shakes", "Tubs", "Toppings")

_IMAGES = "/assets/scoopjoy/images"
_ITEMS = (
    ("IC-CONE-VAN", "Vanilla Cone", "Cones", 80, "Madagascar vanilla in a crisp cone."),
    ("IC-CONE-CHOC", "Dark Chocolate Cone", "Cones", 90, "Dark chocolate, 55 % cocoa, in a crisp cone."),
    ("IC-CONE-MANGO", "Alphonso Mango Cone", "Cones", 110, "Ratnagiri Alphonso, only while it is ripe."),
    ("IC-CUP-STRAW", "Strawberry Cup", "Cups", 95, "Mahabaleshwar strawberries, two scoops."),
    ("IC-CUP-BUTTER", "Butterscotch Cup", "Cups", 100, "Butterscotch with praline, two scoops."),
    ("IC-CUP-PISTA", "Pista Kulfi Cup", "Cups", 120, "Slow-cooked milk, pistachios, cardamom."),
    ("IC-SUN-FUDGE", "Hot Fudge Sundae", "Sundaes", 180, "Vanilla, hot fudge, roasted nuts and a cherry."),
    ("IC-SUN-FRUIT", "Tropical Fruit Sundae", "Sundaes", 200, "Mango, pineapple and lychee on coconut ice cream."),
    ("IC-SUN-BROWN", "Brownie Sundae", "Sundaes", 220, "A warm walnut brownie under two scoops of vanilla."),
    ("IC-SHK-COFFEE", "Cold Coffee Shake", "Shakes", 160, "Chikmagalur coffee and vanilla ice cream, shaken."),
    ("IC-SHK-CHOC", "Chocolate Shake", "Shakes", 170, "Chocolate ice cream and milk, shaken thick."),
    ("IC-TUB-VAN", "Vanilla Tub 500 ml", "Tubs", 320, "Vanilla for the whole family."),
    ("IC-TUB-CHOC", "Dark Chocolate Tub 500 ml", "Tubs", 350, "Dark chocolate for the whole family."),
    ("IC-TOP-NUTS", "Roasted Nuts", "Toppings", 25, "Almonds and cashews, roasted the same day."),
)


def item_groups():
    """Return the groups, each after the one it stands below."""
    yield {"item_group_name": ITEM_GROUP, "parent_item_group": "All Item Groups", "is_group": 1}
    for name in GROUPS:
        yield {"item_group_name": name, "parent_item_group": ITEM_GROUP, "show_in_website": 1}


def items():
    """Return the items with their rates in rupees."""
    for code, name, group, rate, description in _ITEMS:
        yield {
            "item_code": code,
            "item_name": name,
            "item_group": group,
            "stock_uom": "Nos",
            "standard_rate": rate,
            "description": f"<p>{description}</p>",
            "image": f"{_IMAGES}/{code.lower()}.svg",
            "show_in_website": 1,
        }
