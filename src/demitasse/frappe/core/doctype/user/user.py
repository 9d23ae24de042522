"""Endpoints about users."""

from demitasse.frappe.context import current
from demitasse.frappe.core.doctype.user import api_keys
from demitasse.frappe.database import rows_of
from demitasse.frappe.exceptions import ValidationError
from demitasse.frappe.utils import password
from demitasse.frappe.whitelisting import whitelist

_GIVEN_TO_ALL = ("Administrator", "All", "Guest")


@whitelist(methods=["POST"])
def update_password(
    new_password: str, logout_all_sessions: bool = False, key: str | None = None, old_password: str | None = None
) -> str:
    """Change the password of the user who asks, and return where to go; the user's other sessions end."""
    if not old_password:
        message = "Send your present password as old_password"
        raise ValidationError(message)
    user = current().actor.user
    password.check_password(user, old_password)
    password.update_password(user, new_password, logout_all_sessions=logout_all_sessions)
    return "/app"


@whitelist(methods=["POST"])
def generate_keys(user: str) -> dict[str, str]:
    """Give a user a new API secret, shown only here; the key stays the same where there is one. Others with a label stay."""
    return api_keys.generate(user)


@whitelist()
def get_all_roles() -> list[str]:
    """Return the roles that can be given to users."""
    found = rows_of("Role", as_actor=True, fields=["name"], filters={"disabled": 0}, order_by="name asc", limit=0)
    return [row["name"] for row in found if row["name"] not in _GIVEN_TO_ALL]
