LEAD_SOURCES = (
    "Advertisement",
    "Campaign",
    "Cold Calling",
    "Customer's Vendor",
    "Exhibition",
    "Existing Customer",
    "Mass Mailing",
    "Mobile App",
    "Reference",
    "Social Media",
    "Storefront",
    "Supplier Reference",
    "Walk In",
    "Website",
)


def lead_sources():
    for source in LEAD_SOURCES:
        yield {"source_name": source}
