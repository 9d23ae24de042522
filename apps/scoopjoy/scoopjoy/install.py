"""What a ScoopJoy site has from the start. Each step adds what is missing and leaves what is there as it is."""

from scoopjoy.webhooks import add_lead_webhook


def after_install():
    add_lead_webhook()


def after_migrate():
    after_install()
