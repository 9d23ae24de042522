def stock_entry_types():
    for purpose in ("Material Receipt", "Material Issue", "Material Transfer"):
        yield {"name": purpose, "purpose": purpose, "is_standard": 1}


def warehouses():
    yield {"warehouse_name": "Stores"}
