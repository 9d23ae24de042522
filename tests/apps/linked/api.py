"""What apps do with Connected Apps. No function returns a token: a fingerprint tells whether it is the same one."""

import hashlib
import pathlib
import time

import frappe


def fingerprint(token):
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def app(name):
    return frappe.get_doc("Connected App", name)


@frappe.whitelist()
def token(name, user=None):
    found = app(name).get_active_token(user or None)
    return fingerprint(found.access_token) if found else None


@frappe.whitelist()
def token_at_a_word(name, user, folder):
    """Say that this process is up, wait for the word, say that it asks, and ask; all by files in a folder."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    (folder / "up").touch()
    until = time.monotonic() + 30
    while not (folder / "go").exists() and time.monotonic() < until:
        time.sleep(0.01)
    (folder / "asks").touch()
    return token(name, user)


@frappe.whitelist()
def refresh_token(name):
    return fingerprint(app(name).get_token_cache().refresh_token)


@frappe.whitelist()
def stored(name, user=None):
    found = app(name).get_token_cache(user or None)
    return fingerprint(found.access_token) if found else None


@frappe.whitelist(methods=["POST"])
def write_then_token(name, role, fails=False):
    """Change something first, so that the transaction cannot step aside, and then ask."""
    frappe.get_doc({"doctype": "Role", "role_name": role}).insert(ignore_permissions=True)
    found = app(name).get_active_token()
    again = app(name).get_active_token()
    if fails:
        frappe.throw("undone")
    return [fingerprint(each.access_token) if each else None for each in (found, again)]


@frappe.whitelist()
def fetch(name, url, user=None):
    answer = app(name).get_oauth2_session(user or None).get(url)
    return {"status": answer.status_code, "text": answer.text}


@frappe.whitelist(methods=["POST"])
def backend(name):
    return fingerprint(app(name).get_backend_app_token().access_token)


@frappe.whitelist()
def shown(name):
    """Everything that code could show of a token by mistake."""
    found = app(name).get_active_token()
    again = frappe.get_doc("Token Cache", found.name)
    frappe.log_error(title="a token", message=f"{found} {found.as_json()} {dict(found)} {again.as_dict()}")
    frappe.msgprint(str(found))
    return {
        "document": found,
        "dict": found.as_dict(),
        "json": found.as_json(),
        "text": f"{found} {found!r} {list(found)}",
        "rows": frappe.get_all("Token Cache", fields=["*"]),
        "value": frappe.db.get_value("Token Cache", found.name, ["access_token", "refresh_token"]),
        "same": found.access_token == again.get_password("access_token") == again.access_token,
        "secret": frappe.get_doc("Connected App", name).as_dict(),
    }


@frappe.whitelist()
def fail_with_token(name):
    found = app(name).get_active_token()
    frappe.log_error(title="it failed")
    raise ValueError(f"{found} {found.as_dict()} {app(name).as_dict()}")


@frappe.whitelist(methods=["POST"])
def save_token(name):
    """Save the document as code may do: the tokens stay."""
    found = frappe.get_doc("Token Cache", {"connected_app": name, "user": frappe.session.user})
    found.token_type = "Bearer"
    found.save(ignore_permissions=True)
    return fingerprint(found.access_token)


@frappe.whitelist(methods=["GET"])
def redirect(location):
    frappe.local.response["type"] = "redirect"
    frappe.local.response["location"] = location


@frappe.whitelist(methods=["POST"])
def write_and_hang(name, role):
    """Write, get a token, and never come to an end."""
    frappe.get_doc({"doctype": "Role", "role_name": role}).insert(ignore_permissions=True)
    app(name).get_active_token()
    time.sleep(60)
