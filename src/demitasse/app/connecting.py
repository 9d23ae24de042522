"""Connections, put together for a site: the ledger beside its database, the guarded way to providers, the alerts."""

import threading
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import quote

import structlog

from demitasse.app.mail import MailServer, compose, send
from demitasse.app.people import email_of
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.connect.context import ConnectContext
from demitasse.connect.discovery import Discovery
from demitasse.connect.http import ProviderHttp
from demitasse.connect.keeping import settle_all
from demitasse.connect.ledger import Ledger
from demitasse.connect.model import Grant
from demitasse.connect.reading import CONNECTED_APP, TOKEN_CACHE
from demitasse.connect.tables import LEDGER_TABLES
from demitasse.db.errors import DatabaseError
from demitasse.db.schema import ensure_tables
from demitasse.db.sqlite import SqliteDatabase
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations
from demitasse.documents.context import DocumentContext
from demitasse.frappe.integrations.doctype.connected_app.connected_app import ConnectedApp
from demitasse.frappe.integrations.doctype.token_cache.token_cache import TokenCache
from demitasse.frappe.model.document import set_controller
from demitasse.settings.model import Settings
from demitasse.transports.addresses import AllowList
from demitasse.vault.references import References

LEDGER_NAME = "connect.db"
_ALERT = "Webhook Alert"
_log = structlog.get_logger("demitasse.connect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Connecting:
    """The connections of a site, and the database of their ledger."""

    context: ConnectContext
    database: "LedgerDatabase"

    def settle(self) -> None:
        """Write refreshed tokens that a crash has left in the ledger into their documents."""
        if not self.database.exists:
            return
        tx = self.context.database.write()
        try:
            settle_all(self.context, tx)
            tx.commit()
        except DatabaseError as error:  # They are found in the ledger, too: the next refresh writes them.
            tx.rollback()
            _log.warning("ledger.not_settled", error=str(error))
        except BaseException:
            tx.rollback()
            raise


def connecting(
    settings: Settings, documents: DocumentContext, database: SqliteDatabase, references: References
) -> Connecting:
    """Return the connections of a site, and give their documents the methods that code calls on them."""
    set_controller(CONNECTED_APP, ConnectedApp)
    set_controller(TOKEN_CACHE, TokenCache)
    ledger = LedgerDatabase(settings)
    http = ProviderHttp(allow=AllowList.of(settings.webhook_allow_hosts))
    context = ConnectContext(
        documents=documents,
        database=database,
        ledger=Ledger(ledger.open, vault=documents.vault, clock=documents.clock),
        references=references,
        http=http,
        discovery=Discovery(http),
        notices=ConnectNotices(documents, settings),
    )
    return Connecting(context=context, database=ledger)


class LedgerDatabase:
    """The ledger's own file, made when it is first needed: on SQLite a file has one writer, and this one never waits."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.site / LEDGER_NAME
        self._opened: SqliteDatabase | None = None

    @property
    def exists(self) -> bool:
        """Whether a token was ever refreshed here."""
        return self._path.exists()

    def open(self) -> SqliteDatabase:
        """Open the file, with its tables."""
        database = SqliteDatabase(self._path)
        self._path.chmod(0o600)
        tx = database.write()
        try:
            ensure_tables(tx, LEDGER_TABLES)
            tx.commit()
        except BaseException:
            tx.rollback()
            raise
        self._opened = database
        return database

    def close(self) -> None:
        """Close the file, where it was opened."""
        if self._opened is not None:
            self._opened.close()


class ConnectNotices:
    """Tells people that they have to authorise again: by a Webhook Alert, to which webhooks may listen, and by mail."""

    def __init__(self, documents: DocumentContext, settings: Settings) -> None:
        self._documents = documents
        self._host = (settings.host_name or "").rstrip("/")
        self._mail = MailServer.of(settings.conf)

    def reauthorise(self, tx: Transaction, grant: Grant, *, reason: str) -> None:
        """Write the alert as part of ``tx``, and mail it once that is durable."""
        whose = grant.user or "The app itself"
        link = f"{self._host}/api/method/frappe.integrations.doctype.connected_app.connected_app.connect?name={quote(grant.app)}"
        message = f"{whose} has to connect {grant.app} again, at {link}. {reason}"
        values = {"kind": "reauthorise_needed", "connected_app": grant.app, "user": grant.user, "message": message}
        record = building.new_record(self._documents, self._documents.registry.get(_ALERT), values)
        operations.insert(self._documents, tx, record, actor=ADMINISTRATOR_ACTOR)
        to = email_of(self._documents, tx, grant.user) if grant.user else None
        if self._mail is None or to is None:
            return
        server, subject = self._mail, f"Connect {grant.app} again"
        mail = compose(sender=server.sender, to=to, subject=subject, text=f"{message}\n")
        # In a thread of its own: a mail server may take its time, and nobody waits for it.
        thread = threading.Thread(target=_send, args=(server, mail), name="demitasse-mail")
        tx.after_commit(thread.start)


def _send(server: MailServer, mail: EmailMessage) -> None:
    try:
        send(server, mail)
    except OSError as error:
        _log.warning("alert.not_mailed", to=mail["To"], error=str(error))
