from demitasse.transports.model import OutgoingRequest, SenderOptions, TlsOptions


def test_secrets_are_not_shown() -> None:
    shown = repr(
        OutgoingRequest(
            method="POST",
            url="https://example.com/",
            headers=(("Authorization", "token hush"),),
            body=b"hush",
            timeout_s=5,
            tls=TlsOptions(client_cert_pem=b"certificate", client_key_pem=b"hush"),
        ),
    )
    assert "https://example.com/" in shown
    assert "hush" not in shown
    assert "hush" not in repr(TlsOptions(client_key_pem=b"hush"))
    assert "hush" not in repr(SenderOptions(proxy_url="http://user:hush@proxy:3128"))
