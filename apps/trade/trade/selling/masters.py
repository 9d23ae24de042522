def price_lists():
    yield {"price_list_name": "Standard Selling", "currency": "INR", "selling": 1}
    yield {"price_list_name": "Standard Buying", "currency": "INR", "buying": 1}
