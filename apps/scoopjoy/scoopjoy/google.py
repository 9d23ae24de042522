"""The Connected App for Google: there once ``google_client_id`` and ``google_client_secret`` are configured."""

import frappe

GOOGLE = "Google"
SCOPES = ("https://www.googleapis.com/auth/calendar", "https://www.googleapis.com/auth/calendar.events")


def add_google():
    """Add the Connected App where it is missing; one that is there follows the configured client and stays as it is else."""
    client_id = frappe.conf.get("google_client_id")
    if not (client_id and frappe.conf.get("google_client_secret")):
        return
    if frappe.db.exists("Connected App", GOOGLE):
        app = frappe.get_doc("Connected App", GOOGLE)
        if app.client_id != client_id:
            app.client_id = client_id
            app.client_secret = _secret()
            app.save(ignore_permissions=True)
        return
    app = frappe.get_doc(
        {
            "doctype": "Connected App",
            "provider_name": "Google",
            "client_id": client_id,
            "client_secret": _secret(),
            "authorization_uri": "https://accounts.google.com/o/oauth2/v2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "revocation_uri": "https://oauth2.googleapis.com/revoke",
            "scopes": [{"scope": scope} for scope in SCOPES],
            # Without it Google gives no refresh token.
            "query_parameters": [{"key": "access_type", "value": "offline"}],
        },
    )
    app.insert(ignore_permissions=True, set_name=GOOGLE)


def _secret():
    """Return what names the secret, to be looked up when it is used; on a bench, which cannot, the secret itself."""
    looks_up = frappe.get_meta("Webhook").has_field("retry_schedule")
    return "conf:google_client_secret" if looks_up else frappe.conf.get("google_client_secret")
