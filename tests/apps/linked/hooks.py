app_name = "linked"
app_title = "Linked"
app_publisher = "Demitasse"
app_description = "A fixture: what apps do with Connected Apps"
app_email = "linked@example.com"
app_license = "MIT"

after_install = "linked.install.after_install"
