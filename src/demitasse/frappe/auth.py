"""Endpoints about who is logged in."""

from demitasse.frappe.context import current
from demitasse.frappe.whitelisting import whitelist


@whitelist(inline=True)
def get_logged_user() -> str:
    """Return the name of the user who asks."""
    return current().actor.user
