"""``frappe.sessions``: the browser's session."""

from demitasse.frappe.proxies import Session
from demitasse.frappe.whitelisting import whitelist


@whitelist(inline=True)
def get_csrf_token() -> str:
    """Return what the session's changes must send in ``X-Frappe-CSRF-Token``; empty where none is needed."""
    return Session().data.csrf_token or ""
