app_name = "guarded"
app_title = "Guarded"
app_publisher = "Demitasse"
app_description = "A fixture: DocTypes of which each role may see and do something else"
app_email = "guarded@example.com"
app_license = "MIT"

after_install = "guarded.seed.seed"

doc_events = {"Diary": {"after_insert": "guarded.events.commit_when_told"}}
