"""Sending a short e-mail through the server that ``site_config.json`` names, as Frappe's keys have it."""

import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Self

_TIMEOUT_S = 8.0  # For each step; a server that ends waits for a mail that is on its way.
_SUBMISSION, _IMPLICIT_TLS = 587, 465


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in.

    Args:
        uses_ssl: TLS from the first byte (``use_ssl``; port 465 unless told otherwise).
        uses_tls: TLS is asked for with STARTTLS (``use_tls``), and then required.
    """

    host: str
    port: int
    sender: str
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    uses_ssl: bool = False
    uses_tls: bool = False

    @classmethod
    def of(cls, conf: Mapping[str, Any]) -> Self | None:
        """Return the mail server of a site, ``None`` where none is configured."""
        host = conf.get("mail_server")
        sender = conf.get("auto_email_id") or conf.get("mail_login")
        if not host or not sender:
            return None
        port = int(conf.get("mail_port") or (_IMPLICIT_TLS if conf.get("use_ssl") else _SUBMISSION))
        uses_ssl = bool(conf.get("use_ssl", port == _IMPLICIT_TLS))
        return cls(
            host=str(host),
            port=port,
            sender=str(sender),
            login=conf.get("mail_login"),
            password=conf.get("mail_password"),
            uses_ssl=uses_ssl,
            uses_tls=bool(conf.get("use_tls", port == _SUBMISSION)) and not uses_ssl,
        )


def compose(*, sender: str, to: str, subject: str, text: str) -> EmailMessage:
    """Return a plain message; line breaks in the subject become spaces."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = to
    message["Subject"] = " ".join(subject.split())
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


def send(server: MailServer, message: EmailMessage) -> None:
    """Hand a message in; it blocks, so not on the event loop.

    Raises:
        OSError: the server cannot be reached, or does not take it (``smtplib.SMTPException`` is one).
    """
    context = ssl.create_default_context()
    connection = (
        smtplib.SMTP_SSL(server.host, server.port, timeout=_TIMEOUT_S, context=context)
        if server.uses_ssl
        else smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S)
    )
    with connection:
        if server.uses_tls:
            connection.starttls(context=context)
        if server.login and server.password:
            connection.login(server.login, server.password)
        connection.send_message(message)
