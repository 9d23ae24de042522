"""The franchise's headquarters, as other modules name it."""

COMPANY = "ScoopJoy Foods Pvt Ltd"
ABBREVIATION = "SJF"
CURRENCY = "INR"
COUNTRY = "India"
STORES = f"Stores - {ABBREVIATION}"
CUSTOMER_GROUP = "Retail"
TERRITORY = "All Territories"
