"""``frappe.utils.password``: login passwords."""

from typing import Any

from demitasse.auth.errors import WrongLogin
from demitasse.auth.operations import check_new_password, set_password
from demitasse.auth.operations import check_password as is_password
from demitasse.documents import store
from demitasse.frappe.context import current
from demitasse.frappe.database import doctype_of


def update_password(
    user: str,
    pwd: str,
    doctype: str = "User",
    fieldname: str = "password",
    logout_all_sessions: bool = False,
) -> None:
    """Set a user's password; all sessions of the user end, but for the one that asks."""
    call = current()
    store.load(call.site.documents, call.tx, doctype_of("User"), user)
    check_new_password(pwd)
    session = call.request.session if call.request is not None else None
    kept = session.id if session is not None and not logout_all_sessions else None
    set_password(call.tx, user, pwd, keep_session=kept)
    call.tx.after_commit(call.site.forget_credentials)


def check_password(user: str, pwd: str, doctype: str = "User", fieldname: str = "password", **_: Any) -> str:
    """Return the user's name when this is its password.

    Raises:
        AuthenticationError: it is not.
    """
    if not is_password(current().tx, user, pwd):
        message = "Incorrect User or Password"
        raise WrongLogin(message)
    return user
