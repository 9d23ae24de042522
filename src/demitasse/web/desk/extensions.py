"""The pages that join the Desk, in the order of the sidebar."""

from demitasse.web.desk.accounts.extension import EXTENSION as ACCOUNTS
from demitasse.web.desk.deliveries.extension import EXTENSION as DELIVERIES
from demitasse.web.desk.port import Extension
from demitasse.web.desk.syncing.extension import EXTENSION as SYNC
from demitasse.web.desk.webhooks.extension import EXTENSION as WEBHOOKS

EXTENSIONS: tuple[Extension, ...] = (WEBHOOKS, DELIVERIES, SYNC, ACCOUNTS)
