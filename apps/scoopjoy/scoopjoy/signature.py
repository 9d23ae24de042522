"""``signed_by``: the function runs only for requests that carry a valid signature.

The server's own is taken where there is one, since it also writes a log of the calls. A bench has none; there the same
check is made here.
"""

import hashlib
import hmac
from functools import wraps

import frappe

__all__ = ["signed_by"]

try:
    from frappe.integrations.incoming import signed_by
except ImportError:

    def signed_by(preset, *, secret, header):
        """Check a header against the HMAC of the raw body.

        Args:
            preset: ``hmac_hex``, the one that ScoopJoy needs.
            secret: ``conf:`` and a key of ``site_config.json``.
        """
        if preset != "hmac_hex":
            message = f"The preset {preset} is known to the server only"
            raise ValueError(message)

        def decorate(function):
            @wraps(function)
            def checked(*args, **kwargs):
                check_signature(header, frappe.conf.get(secret.removeprefix("conf:")))
                return function(*args, **kwargs)

            return checked

        return decorate


def check_signature(header, secret):
    """Stop with 401 unless the header is the hex HMAC-SHA256 of the body."""
    if not secret:
        frappe.throw("This endpoint is not configured: it has no secret to verify with", frappe.AuthenticationError)
    given = frappe.get_request_header(header)
    if not given:
        frappe.throw(f"The header {header} is missing", frappe.AuthenticationError)
    if not matches(given, frappe.request.get_data(), secret):
        frappe.throw(f"The signature in {header} does not match the body", frappe.AuthenticationError)


def matches(given, body, secret):
    """Return whether a text is the hex HMAC-SHA256 of a body."""
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    # As bytes: text that is not ASCII cannot be compared in constant time.
    return hmac.compare_digest(given.encode(), expected.encode())
