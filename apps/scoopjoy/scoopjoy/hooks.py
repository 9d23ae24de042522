from importlib.util import find_spec

app_name = "scoopjoy"
app_title = "ScoopJoy"
app_publisher = "The Demitasse authors"
app_description = "An ice-cream franchise: storefront orders, leads to the CRM, stock to the mobile app"
app_email = "scoopjoy@example.com"
app_license = "MIT"

# The trading DocTypes: ERPNext's on a bench, those of trade elsewhere.
required_apps = ["erpnext" if find_spec("erpnext") else "trade"]

after_install = "scoopjoy.install.after_install"
after_migrate = "scoopjoy.install.after_migrate"

scheduler_events = {"cron": {"*/5 * * * *": ["scoopjoy.api.sync.sync_items_from_hq"]}}
