app_name = "chores"
app_title = "Chores"
app_publisher = "Demitasse"
app_description = "A fixture: background jobs and schedules"
app_email = "chores@example.com"
app_license = "MIT"

scheduler_events = {
    "all": ["chores.work.sweep"],
    "hourly": ["chores.work.note_hour"],
    "daily_long": "chores.work.tidy",
    "cron": {"30 3 * * 1-5": ["chores.work.break_down"]},
}
