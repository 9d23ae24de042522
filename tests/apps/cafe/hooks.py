app_name = "cafe"
app_title = "Cafe"
app_publisher = "Demitasse"
app_description = "A fixture: the DocTypes of the recorded Frappe site, and functions that behave and misbehave"
app_email = "cafe@example.com"
app_license = "MIT"

after_install = "cafe.seed.seed"

doc_events = {
    "Customer": {
        "validate": "cafe.events.refuse_forbidden_name",
        "on_update": "cafe.events.fail_after_saving",
    },
}
