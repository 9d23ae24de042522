"""The other address that providers may send people back to: that of Frappe's social logins."""

from demitasse.frappe.integrations.doctype.connected_app.connected_app import finish_callback
from demitasse.frappe.whitelisting import whitelist


@whitelist(allow_guest=True, methods=["GET"])
def login_via_oauth2(
    code: str | None = None,
    state: str | None = None,
    error: str | None = None,
    error_description: str | None = None,
    iss: str | None = None,
) -> None:
    """Finish the authorisation that ``state`` stands for; the app and where to go on to are known with it."""
    finish_callback(code=code, state=state, error=error, error_description=error_description, issuer=iss)
