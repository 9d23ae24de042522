"""Secrets at rest, and secrets by reference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.vault.cipher import Vault, new_key
from demitasse.vault.errors import MissingSecret, UnreadableSecret
from demitasse.vault.references import References, is_reference


@given(st.text())
def test_what_is_encrypted_can_be_read_in_its_place(text: str) -> None:
    vault = Vault(new_key())

    assert vault.decrypt(vault.encrypt(text, place="a"), place="a") == text


def test_the_same_secret_never_looks_the_same() -> None:
    vault = Vault(new_key())

    assert vault.encrypt("x", place="a") != vault.encrypt("x", place="a")


@pytest.mark.parametrize("spoilt", ["changed", "cut", "other"])
def test_another_key_another_place_or_a_changed_text_cannot_be_read(spoilt: str) -> None:
    vault = Vault(new_key())
    stored = vault.encrypt("secret", place="a")
    text = {"changed": stored[:-4] + "AAAA", "cut": "v1:", "other": "x"}[spoilt]

    for reader, secret, place in ((vault, stored, "b"), (Vault(new_key()), stored, "a"), (vault, text, "a")):
        with pytest.raises(UnreadableSecret):
            reader.decrypt(secret, place=place)


@pytest.mark.parametrize("key", ["", "short", "AAAA", "ä"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(UnreadableSecret):
        Vault(key)


def test_references_are_looked_up_and_other_texts_are_themselves() -> None:
    references = References(conf={"crm": "c"}, environ={"CRM": "e"})

    assert [references.resolve(text) for text in ("conf:crm", "env:CRM", "plain")] == ["c", "e", "plain"]
    assert [is_reference(text) for text in ("conf:x", "env:x", "plain")] == [True, True, False]


@pytest.mark.parametrize("reference", ["conf:nosuch", "env:NOSUCH", "conf:"])
def test_a_reference_to_nothing_says_where_to_set_it(reference: str) -> None:
    with pytest.raises(MissingSecret, match="is not set"):
        References(conf={}, environ={}).resolve(reference)


@pytest.mark.parametrize("reference", ["conf:encryption_key", "conf: database_url", "env:DEMITASSE_ENCRYPTION_KEY"])
def test_what_opens_the_site_itself_cannot_be_referred_to(reference: str) -> None:
    references = References(
        conf={"encryption_key": "k", "database_url": "u"}, environ={"DEMITASSE_ENCRYPTION_KEY": "k"}
    )

    with pytest.raises(MissingSecret, match="given to nobody"):
        references.resolve(reference)


@pytest.mark.parametrize("reference", ["env:CRM_TOKEN", "conf:crm_key", "env: CRM_OTHER"])
def test_a_site_may_list_what_can_be_referred_to(reference: str) -> None:
    references = References(
        conf={"crm_key": "k"}, environ={"CRM_TOKEN": "t", "CRM_OTHER": "o"}, allowed=["env:CRM_*", "conf:crm_key"]
    )

    assert references.resolve(reference) in {"t", "k", "o"}


@pytest.mark.parametrize("reference", ["env:AWS_SECRET_ACCESS_KEY", "env:crm_token", "conf:google_client_secret"])
@pytest.mark.parametrize("allowed", [[], ["env:CRM_*"]])
def test_what_a_site_does_not_list_cannot_be_referred_to(reference: str, allowed: list[str]) -> None:
    references = References(
        conf={"google_client_secret": "g"}, environ={"AWS_SECRET_ACCESS_KEY": "a", "crm_token": "t"}, allowed=allowed
    )

    with pytest.raises(MissingSecret, match="webhook_allow_secrets"):
        references.resolve(reference)
