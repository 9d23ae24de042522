"""Fields that ScoopJoy adds to other apps' DocTypes."""


def custom_fields():
    """Return them with the names that Frappe gives them: DocType, a dash, field."""
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
