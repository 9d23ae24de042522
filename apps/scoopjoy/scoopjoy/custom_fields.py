"""Fields that ScoopJoy adds to other apps' DocTypes."""


def custom_fields(item_fields):
    """Return them with the names that Frappe gives them: DocType, a dash, field.

    Args:
        item_fields: The fields that Item has: ERPNext's of today lacks the one for the website.
    """
    yield {
        "name": "Sales Order-custom_outlet_id",
        "dt": "Sales Order",
        "fieldname": "custom_outlet_id",
        "label": "Outlet ID",
        "fieldtype": "Data",
        "insert_after": "company",
        "in_standard_filter": 1,
        "search_index": 1,
        "description": "The outlet that took the order",
    }
    yield {
        "name": "Sales Order-custom_mobile_order",
        "dt": "Sales Order",
        "fieldname": "custom_mobile_order",
        "label": "Mobile Order",
        "fieldtype": "Data",
        "insert_after": "custom_outlet_id",
        "unique": 1,
        "no_copy": 1,
        "read_only": 1,
        "description": "The mobile app's own id of the order: however often it is sent, there is one Sales Order",
    }
    if "show_in_website" not in item_fields:
        yield {
            "name": "Item-show_in_website",
            "dt": "Item",
            "fieldname": "show_in_website",
            "label": "Show in Website",
            "fieldtype": "Check",
            "insert_after": "item_group",
            "description": "Storefront and mobile app offer the item",
        }
