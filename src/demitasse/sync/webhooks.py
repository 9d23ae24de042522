"""The Webhook that carries the pushes of a rule: made, kept up and removed with it."""

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations, store
from demitasse.documents.context import DocumentContext
from demitasse.documents.errors import DocumentError
from demitasse.documents.model import Record
from demitasse.sync.model import Pattern
from demitasse.sync.rules import RULE, RemoteSite, load_site, rule_names

WEBHOOK = "Webhook"
RECEIVER = "/api/method/frappe.integrations.sync.receive"


def keep_webhook(context: DocumentContext, tx: Transaction, rule: Record) -> None:
    """Make the webhook of a Push rule be what rule and Remote Site say; remove that of any other rule.

    Raises:
        DocumentError: the Remote Site has no URL, or no secret to sign with.
    """
    if rule["pattern"] != Pattern.PUSH.value:
        drop_webhook(context, tx, rule)
        return
    remote = load_site(context, tx, str(rule["remote_site"]))
    if not remote.url or not remote.push_secret:
        what = "URL" if not remote.url else "Push Secret"
        message = f"Remote Site {remote.name} has no {what}: give it one, so that this rule can push there"
        raise DocumentError(message, doctype=RULE, name=rule.name)
    name = f"Sync {rule.name}"
    doctype = context.registry.get(WEBHOOK)
    record = store.find(context, tx, doctype, name)
    values = _values(rule, remote)
    if record is None:
        record = building.new_record(
            context, doctype, {**values, "name": name, "webhook_doctype": rule["document_type"]}
        )
        record.flags.update(name_set=True, ignore_links=True, ignore_permissions=True)
        operations.insert(context, tx, record, actor=ADMINISTRATOR_ACTOR)
    else:
        building.assign(context, record, values)
        record.flags["ignore_permissions"] = True
        operations.save(context, tx, record, actor=ADMINISTRATOR_ACTOR)
    if rule["webhook"] != name:
        rule["webhook"] = name
        store.set_columns(context, tx, rule.doctype, rule.name, {"webhook": name})


def drop_webhook(context: DocumentContext, tx: Transaction, rule: Record) -> None:
    """Remove the webhook of a rule; what it has not sent yet goes nowhere any more."""
    name = rule["webhook"]
    record = store.find(context, tx, context.registry.get(WEBHOOK), name) if name else None
    if record is None:
        return
    if store.exists(tx, rule.doctype, rule.name):
        rule["webhook"] = None
        store.set_columns(context, tx, rule.doctype, rule.name, {"webhook": None})
    record.flags["ignore_permissions"] = True
    operations.delete(context, tx, record, actor=ADMINISTRATOR_ACTOR)


def keep_webhooks_of(context: DocumentContext, tx: Transaction, site: str) -> None:
    """Let the webhooks of a Remote Site's rules follow its address and its secret."""
    doctype = context.registry.get(RULE)
    for name in rule_names(context, tx, {"remote_site": site, "pattern": Pattern.PUSH.value}):
        keep_webhook(context, tx, store.load(context, tx, doctype, name))


def _values(rule: Record, remote: RemoteSite) -> dict[str, object]:
    return {
        "webhook_docevent": "on_change",
        "enabled": int(bool(rule["enabled"]) and remote.is_enabled),
        "sync_rule": rule.name,
        "description": f"Pushes {rule['document_type']} to {remote.name}",
        "request_url": remote.url + RECEIVER,
        "request_method": "POST",
        "request_structure": "JSON",
        "enable_security": 1,
        "webhook_secret": remote.push_secret,
        "timeout": int(remote.timeout_s),
        "ordering": "Per Document",
    }
