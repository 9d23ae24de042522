"""Signatures, against the senders' own libraries and vectors, and against everything that may arrive instead."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks
import svix.webhooks
from hypothesis import given
from hypothesis import strategies as st

from demitasse.delivery.signing import Signer, signing_key
from demitasse.incoming.errors import InvalidScheme, UnknownScheme
from demitasse.incoming.model import PRESETS, Failure, Scheme, Verdict, scheme_of
from demitasse.incoming.verification import replayed, verify

NOW = datetime(2026, 3, 9, 12, 0, 0, tzinfo=UTC)
SECRET = "a shared secret"
WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"order_id": "SF-1", "note": "caf\xc3\xa9"}'


def digest(body: bytes, *, key: bytes | str = SECRET, algorithm: str = "sha256") -> bytes:
    return hmac.new(key.encode() if isinstance(key, str) else key, body, algorithm).digest()


def signed_headers(preset: str, *, body: bytes = BODY, at: datetime = NOW, secret: str = SECRET) -> dict[str, str]:
    """Return what a sender of each kind would send, written from its documentation."""
    stamp = str(int(at.timestamp()))
    if preset in {"standard_webhooks", "svix"}:
        prefix = "webhook" if preset == "standard_webhooks" else "svix"
        key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
        signature = base64.b64encode(digest(f"msg_1.{stamp}.".encode() + body, key=key)).decode()
        return {f"{prefix}-id": "msg_1", f"{prefix}-timestamp": stamp, f"{prefix}-signature": f"v1,{signature}"}
    plain = digest(body, key=secret)
    by_preset: Mapping[str, dict[str, str]] = {
        "hmac_hex": {"x-signature": plain.hex()},
        "hmac_base64": {"x-signature": base64.b64encode(plain).decode()},
        "frappe": {"x-frappe-webhook-signature": base64.b64encode(plain).decode()},
        "github": {"x-hub-signature-256": f"sha256={plain.hex()}"},
        "shopify": {"x-shopify-hmac-sha256": base64.b64encode(plain).decode()},
        "slack": {
            "x-slack-request-timestamp": stamp,
            "x-slack-signature": "v0=" + digest(f"v0:{stamp}:".encode() + body, key=secret).hex(),
        },
        "stripe": {
            "stripe-signature": f"t={stamp},v1={digest(f'{stamp}.'.encode() + body, key=secret).hex()},v0={plain.hex()}"
        },
    }
    return by_preset[preset]


def check(
    scheme: Scheme | str,
    headers: Mapping[str, str],
    *,
    body: bytes = BODY,
    secrets: tuple[str, ...] = (SECRET,),
    now: datetime = NOW,
) -> Verdict:
    return verify(scheme_of(scheme) if isinstance(scheme, str) else scheme, headers, body, secrets=secrets, now=now)


every_preset = pytest.mark.parametrize("preset", PRESETS)
every_timed_preset = pytest.mark.parametrize("preset", [name for name, scheme in PRESETS.items() if scheme.has_time])


@every_preset
def test_a_good_signature_passes(preset: str) -> None:
    verdict = check(preset, signed_headers(preset))
    assert verdict.is_good
    assert verdict.summary == "verified"


@every_preset
def test_an_empty_body_can_be_signed(preset: str) -> None:
    assert check(preset, signed_headers(preset, body=b""), body=b"").is_good


@every_preset
def test_a_body_that_is_no_text_can_be_signed(preset: str) -> None:
    body = bytes(range(256))
    assert check(preset, signed_headers(preset, body=body), body=body).is_good


@every_preset
def test_another_secret_is_a_mismatch(preset: str) -> None:
    assert check(preset, signed_headers(preset, secret="another")).failure is Failure.MISMATCH


@every_preset
def test_a_changed_body_is_a_mismatch(preset: str) -> None:
    assert check(preset, signed_headers(preset), body=BODY + b" ").failure is Failure.MISMATCH


@every_preset
def test_no_signature_is_told_as_such(preset: str) -> None:
    assert check(preset, {}).failure is Failure.MISSING
    assert check(preset, {PRESETS[preset].header: "   "}).failure is Failure.MISSING


@every_preset
def test_either_secret_passes_while_they_are_changed(preset: str) -> None:
    assert check(preset, signed_headers(preset), secrets=("the new one", SECRET)).is_good
    assert check(preset, signed_headers(preset), secrets=(SECRET, "the new one")).is_good


@every_preset
def test_without_a_secret_nothing_passes(preset: str) -> None:
    forged = signed_headers(preset, secret="")
    assert check(preset, forged, secrets=()).failure is Failure.NOT_CONFIGURED
    assert check(preset, forged, secrets=("",)).failure is Failure.NOT_CONFIGURED


def test_a_secret_that_is_no_base64_after_whsec_counts_as_none() -> None:
    headers = signed_headers("standard_webhooks", secret=WHSEC)
    assert check("standard_webhooks", headers, secrets=("whsec_*not base64*",)).failure is Failure.NOT_CONFIGURED
    assert check("standard_webhooks", headers, secrets=("whsec_", WHSEC)).is_good


@every_preset
def test_a_truncated_or_longer_signature_is_malformed(preset: str) -> None:
    scheme, headers = PRESETS[preset], signed_headers(preset)
    whole = headers[scheme.header]
    if preset == "stripe":
        whole = whole.partition(",v0=")[0]
    for wrong in (
        whole[:-2],
        whole[:-1],
        whole + "0",
        whole + "00",
        whole + "A" * 500,
        whole + "é",
        whole.split("=")[0],
    ):
        verdict = check(preset, {**headers, scheme.header: wrong})
        if not wrong.endswith(("=", "==")) and wrong.rstrip("=") == whole.rstrip("="):
            assert verdict.is_good  # Base64 without its padding says the same.
        else:
            assert verdict.failure is Failure.MALFORMED, wrong


@every_preset
def test_failures_tell_neither_the_secret_nor_what_was_expected(preset: str) -> None:
    scheme, headers = PRESETS[preset], signed_headers(preset)
    for wrong in ({}, signed_headers(preset, secret="other"), {**headers, scheme.header: "zzz"}):
        verdict = check(preset, wrong)
        assert SECRET not in verdict.message
        for value in headers.values():
            assert value.rpartition("=")[2][:16] not in verdict.message or not value.rpartition("=")[2]


@every_timed_preset
@pytest.mark.parametrize(
    ("age_s", "failure"),
    [(0, None), (300, None), (-300, None), (301, Failure.TOO_OLD), (-301, Failure.TOO_NEW), (10**9, Failure.TOO_OLD)],
)
def test_the_time_of_signing_is_near_now_in_both_directions(preset: str, age_s: int, failure: Failure | None) -> None:
    headers = signed_headers(preset, at=NOW - timedelta(seconds=age_s))
    assert check(preset, headers).failure is failure


def test_the_tolerance_can_be_changed() -> None:
    headers = signed_headers("slack", at=NOW - timedelta(seconds=20))
    assert check(scheme_of("slack", tolerance_s=10), headers).failure is Failure.TOO_OLD
    assert check(scheme_of("slack", tolerance_s=20), headers).is_good


@every_timed_preset
@pytest.mark.parametrize(
    "stamp",
    ["1614265330.7", "+1773057600", "1 773 057 600", "1e9", "٣", "nan", "-1", "9" * 13, "0x10", "1_773_057_600"],
)
def test_a_time_that_is_no_plain_number_is_malformed(preset: str, stamp: str) -> None:
    headers = signed_headers(preset)
    scheme = PRESETS[preset]
    if scheme.time_header:
        headers[scheme.time_header] = stamp
    else:
        headers[scheme.header] = headers[scheme.header].replace(f"t={int(NOW.timestamp())}", f"t={stamp}")
    assert check(preset, headers).failure is Failure.TIME_MALFORMED


@every_timed_preset
def test_a_missing_time_is_told_as_such(preset: str) -> None:
    headers = signed_headers(preset)
    scheme = PRESETS[preset]
    if scheme.time_header:
        del headers[scheme.time_header]
    else:
        headers[scheme.header] = headers[scheme.header].partition(",")[2]
    assert check(preset, headers).failure is Failure.TIME_MISSING


@pytest.mark.parametrize("identifier", ["msg.1", "msg 1", "msg\n1", "é", "m" * 257])
def test_an_id_that_would_make_the_signed_text_ambiguous_is_refused(identifier: str) -> None:
    stamp = int(NOW.timestamp())
    signature = base64.b64encode(digest(f"{identifier}.{stamp}.".encode() + BODY)).decode()
    headers = {"webhook-id": identifier, "webhook-timestamp": str(stamp), "webhook-signature": f"v1,{signature}"}
    assert check("standard_webhooks", headers).failure is Failure.ID_MALFORMED


def test_a_missing_id_is_told_as_such() -> None:
    headers = signed_headers("standard_webhooks")
    del headers["webhook-id"]
    assert check("standard_webhooks", headers).failure is Failure.ID_MISSING


def test_of_several_signatures_one_is_enough() -> None:
    headers = signed_headers("standard_webhooks")
    good = headers["webhook-signature"]
    other = "v1," + base64.b64encode(bytes(32)).decode()
    for several in (f"{other} {good}", f"{good} {other}", f"v1a,zzzz nocomma v1,a,b {good}", f"{good} {good}"):
        assert check("standard_webhooks", {**headers, "webhook-signature": several}).is_good
    assert check("standard_webhooks", {**headers, "webhook-signature": f"{other} {other}"}).failure is Failure.MISMATCH
    many = " ".join([*[other] * 16, good])
    assert check("standard_webhooks", {**headers, "webhook-signature": many}).failure is Failure.MISMATCH


def test_a_message_is_recognised_when_it_comes_again_however_its_signature_is_written() -> None:
    stripe = signed_headers("stripe")
    stamp, good = stripe["stripe-signature"].split(",")[:2]
    first = check("stripe", stripe)
    again = check("stripe", {"stripe-signature": f"v1={'00' * 32}, {good.upper().replace('V1', 'v1')}, {stamp}"})
    later = check("stripe", signed_headers("stripe", at=NOW + timedelta(seconds=1)))
    assert again.is_good
    assert first.replay_id == again.replay_id != later.replay_id
    assert check("standard_webhooks", signed_headers("standard_webhooks")).replay_id == "msg_1"
    assert check("hmac_hex", signed_headers("hmac_hex")).replay_id is None


def test_a_replay_is_a_refusal_of_its_own() -> None:
    verdict = replayed(check("slack", signed_headers("slack")))
    assert verdict.failure is Failure.REPLAYED
    assert not verdict.is_good
    assert verdict.summary == "replayed"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
def test_algorithm_header_and_prefix_of_a_plain_signature_can_be_chosen(algorithm: str) -> None:
    scheme = scheme_of("hmac_hex", header="X-Storefront-Signature", algorithm=algorithm, prefix=f"{algorithm}=")
    headers = {"x-storefront-signature": f"{algorithm}={digest(BODY, algorithm=algorithm).hex()}"}
    assert check(scheme, headers).is_good
    headers = {"x-storefront-signature": digest(BODY, algorithm=algorithm).hex()}
    assert check(scheme, headers).failure is Failure.MALFORMED


def test_options_that_cannot_work_are_refused_at_once() -> None:
    with pytest.raises(UnknownScheme, match="hmac_hex, hmac_base64"):
        scheme_of("rot13")
    for options in ({"algorithm": "md5"}, {"header": " "}, {"tolerance_s": 0}):
        with pytest.raises(InvalidScheme):
            scheme_of("hmac_hex", **options)


@pytest.mark.parametrize(
    ("secret", "identifier", "timestamp", "body", "signature"),
    [
        (
            WHSEC,
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
def test_the_published_vectors_pass(secret: str, identifier: str, timestamp: int, body: bytes, signature: str) -> None:
    headers = {"webhook-id": identifier, "webhook-timestamp": str(timestamp), "webhook-signature": signature}
    now = datetime.fromtimestamp(timestamp, UTC)
    assert check("standard_webhooks", headers, body=body, secrets=(secret,), now=now).is_good


def test_the_published_github_and_slack_vectors_pass() -> None:
    github = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}
    assert check("github", github, body=b"Hello, World!", secrets=("It's a Secret to Everybody",)).is_good
    slack = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    now = datetime.fromtimestamp(1531420618, UTC)
    assert check("slack", slack, body=body, secrets=("8f742231b10e8888abcd99yyyzzz85a5",), now=now).is_good


@given(body=st.text(max_size=200), identifier=st.from_regex(r"msg_[A-Za-z0-9]{1,30}", fullmatch=True))
def test_what_the_senders_libraries_sign_passes(body: str, identifier: str) -> None:
    stamp = str(int(NOW.timestamp()))
    standard = standardwebhooks.Webhook(WHSEC).sign(identifier, NOW, body)
    headers = {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": standard}
    assert check("standard_webhooks", headers, body=body.encode(), secrets=(WHSEC,)).is_good
    own = svix.webhooks.Webhook(WHSEC).sign(identifier, NOW, body)
    headers = {"svix-id": identifier, "svix-timestamp": stamp, "svix-signature": own}
    assert check("svix", headers, body=body.encode(), secrets=(WHSEC,)).is_good


@given(body=st.binary(max_size=200), secret=st.sampled_from([WHSEC, "typed as it is"]))
def test_what_this_server_sends_this_server_takes(body: bytes, secret: str) -> None:
    signer = Signer(current=signing_key(secret), signs_for_frappe=True)
    headers = {key.lower(): value for key, value in signer.headers(body, message_id="msg_1", now=NOW)}
    assert check("standard_webhooks", headers, body=body, secrets=(secret,)).is_good
    assert check("frappe", headers, body=body, secrets=(secret,)).is_good


@every_preset
@given(data=st.data())
def test_whatever_stands_in_the_headers_is_refused_and_never_a_fault(preset: str, data: st.DataObject) -> None:
    headers = signed_headers(preset)
    name = data.draw(st.sampled_from(sorted(headers)))
    anything = st.text(st.characters(max_codepoint=255)) | st.text("0123456789abcdef=,v. t", max_size=80)
    wrong = data.draw(anything.filter(lambda text: text.strip() != headers[name]))
    assert not check(preset, {**headers, name: wrong}).is_good
