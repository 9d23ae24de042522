"""Signatures, against the vectors and libraries of others."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.errors import InvalidSigningSecret
from demitasse.delivery.signing import Signer, signing_key

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CONTACT_CREATED = (
    b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-'
    b'771906343485","type":"contact","object":"contact","email":"john.doe@example.com","first_name":"John"}}'
)


@pytest.mark.parametrize(
    ("secret", "message_id", "timestamp", "body", "signature"),
    [
        (
            SECRET,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
        (
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            1649367553,
            b'{"email":"test@example.com","username":"test_user"}',
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ),
    ],
)
def test_the_vectors_of_standard_webhooks(
    secret: str, message_id: str, timestamp: int, body: bytes, signature: str
) -> None:
    signer = Signer(current=signing_key(secret))
    headers = dict(signer.headers(body, message_id=message_id, now=datetime.fromtimestamp(timestamp, UTC)))

    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def verify_with_libraries(secret: str, headers: dict[str, str], body: bytes) -> None:
    standardwebhooks.Webhook(secret).verify(body, headers)
    svix.webhooks.Webhook(secret).verify(body, headers)


@given(raw=st.binary(min_size=24, max_size=64), body=st.text(max_size=200))
def test_the_packages_standardwebhooks_and_svix_agree(raw: bytes, body: str) -> None:
    secret = "whsec_" + base64.b64encode(raw).decode()
    content = b'{"text":%b}' % base64.b64encode(body.encode()).join([b'"', b'"'])
    headers = dict(Signer(current=signing_key(secret)).headers(content, message_id="msg_1", now=datetime.now(UTC)))

    verify_with_libraries(secret, headers, content)


def test_during_a_change_both_secrets_verify_and_frappes_header_keeps_the_old_one() -> None:
    new = "whsec_" + base64.b64encode(b"n" * 32).decode()
    now = datetime.now(UTC)
    signer = Signer(
        current=signing_key(new),
        previous=signing_key(SECRET),
        previous_until=now + timedelta(hours=1),
        signs_for_frappe=True,
    )
    during = dict(signer.headers(CONTACT_CREATED, message_id="msg_1", now=now))
    after = dict(signer.headers(CONTACT_CREATED, message_id="msg_1", now=now + timedelta(hours=1)))

    verify_with_libraries(new, during, CONTACT_CREATED)
    verify_with_libraries(SECRET, during, CONTACT_CREATED)
    assert during["X-Frappe-Webhook-Signature"] == frappe(SECRET, CONTACT_CREATED)
    assert after["X-Frappe-Webhook-Signature"] == frappe(new, CONTACT_CREATED)
    assert len(after["webhook-signature"].split()) == 1


def frappe(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("secret", ["s3cret", "päss wörd", SECRET])
def test_frappes_signature_is_over_the_body_with_the_secret_as_typed(secret: str) -> None:
    signer = Signer(current=signing_key(secret), signs_for_frappe=True)
    headers = dict(signer.headers(b'{"a":1}', message_id="msg_1", now=NOW))

    assert headers["X-Frappe-Webhook-Signature"] == frappe(secret, b'{"a":1}')


def test_frappes_header_is_sent_only_where_security_is_enabled() -> None:
    headers = dict(Signer(current=signing_key("s")).headers(b"{}", message_id="msg_1", now=NOW))

    assert "X-Frappe-Webhook-Signature" not in headers
    assert "webhook-signature" in headers


def test_without_a_secret_there_are_id_and_time_and_no_signature() -> None:
    headers = dict(Signer(current=None, signs_for_frappe=True).headers(b"{}", message_id="msg_1", now=NOW))

    assert headers == {"webhook-id": "msg_1", "webhook-timestamp": str(int(NOW.timestamp()))}


def test_a_plain_secret_signs_with_its_utf_8_bytes() -> None:
    body = b'{"a":1}'
    headers = dict(Signer(current=signing_key("päss")).headers(body, message_id="m", now=NOW))
    signed = b"m.%d.%b" % (int(NOW.timestamp()), body)
    mac = hmac.new("päss".encode(), signed, hashlib.sha256).digest()

    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


def test_padding_may_be_left_out() -> None:
    padded = "whsec_" + base64.b64encode(b"k" * 25).decode()

    assert padded.endswith("=")
    assert signing_key(padded).standard == signing_key(padded.rstrip("=")).standard == b"k" * 25


@pytest.mark.parametrize("secret", ["whsec_", "whsec_*", "whsec_a", "whsec_päss"])
def test_a_whsec_that_is_not_base64_is_refused_without_being_shown(secret: str) -> None:
    with pytest.raises(InvalidSigningSecret) as refused:
        signing_key(secret)

    assert secret not in refused.value.message or secret == "whsec_"


def test_a_signer_does_not_show_its_keys() -> None:
    signer = Signer(current=signing_key("s3cret"), previous=signing_key("0ld"))

    assert "s3cret" not in repr(signer)
    assert "0ld" not in repr(signer)
