"""The mail server of a site, from its settings."""

import pytest

from demitasse.app.mail import MailServer, compose


@pytest.mark.parametrize("conf", [{}, {"mail_server": "m"}, {"auto_email_id": "a@b.test"}])
def test_without_a_server_and_a_sender_there_is_no_mail(conf: dict[str, str]) -> None:
    assert MailServer.of(conf) is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, (587, False, True)),
        ({"mail_port": 465}, (465, True, False)),
        ({"mail_port": "25"}, (25, False, False)),
        ({"use_ssl": 1}, (465, True, False)),
        ({"mail_port": 2525, "use_tls": 1}, (2525, False, True)),
        ({"use_tls": 0}, (587, False, False)),
    ],
)
def test_the_port_tells_how_the_connection_is_secured(
    more: dict[str, object], expected: tuple[int, bool, bool]
) -> None:
    server = MailServer.of({"mail_server": "mail.test", "auto_email_id": "a@b.test", **more})
    assert server is not None
    assert (server.port, server.uses_ssl, server.uses_tls) == expected


def test_a_subject_cannot_add_headers() -> None:
    message = compose(sender="a@b.test", to="c@d.test", subject="One\r\nBcc: all@d.test", text="ü")
    assert message["Subject"] == "One Bcc: all@d.test"
    assert message["Bcc"] is None


def test_the_password_is_not_shown() -> None:
    server = MailServer.of({"mail_server": "m", "mail_login": "a@b.test", "mail_password": "hush"})
    assert "hush" not in repr(server)
