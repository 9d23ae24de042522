"""Whose account tokens are for, as far as the provider tells. Source: OpenID Connect Core 1.0, sections 2 and 5.3."""

import base64
import hmac
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

import structlog

from demitasse.connect.context import ConnectContext
from demitasse.connect.errors import ConnectError, ForeignFlow
from demitasse.connect.model import AppSettings, Tokens, account_of
from demitasse.kernel import json

_log = structlog.get_logger("demitasse.connect")


def identity_of(
    context: ConnectContext, settings: AppSettings, tokens: Tokens, *, nonce: str
) -> tuple[str | None, str | None]:
    """Return whose tokens these are; a provider that does not say keeps nobody from connecting."""
    claims = _claims(tokens.id_token)
    if (
        claims is not None
        and "nonce" in claims
        and not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode())
    ):
        message = "The provider's OpenID token belongs to another authorisation. Connect once more"
        raise ForeignFlow(message, app=settings.name)
    account, subject = account_of(claims or {})
    if account is not None and account != subject:
        return account, subject
    try:
        if not context.discovery.endpoints_of(settings, needed="userinfo_uri").userinfo_uri:
            return account, subject
        return identity_at_provider(context, settings, tokens.access_token)
    except ConnectError as error:
        _log.info("authorisation.no_identity", app=settings.name, reason=error.code)
        return account, subject


def _claims(id_token: str | None) -> Mapping[str, Any] | None:
    """Return what an OpenID token says.

    It came from the token endpoint over TLS, which stands for its signature (OpenID Connect Core, section 3.1.3.7).
    """
    if id_token is None:
        return None
    part = id_token.split(".")[1] if id_token.count(".") == 2 else ""  # noqa: PLR2004 - RFC 7519: three parts
    try:
        found = json.decode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (Base64Error, ValueError, json.MalformedJson):
        return None
    return found if isinstance(found, dict) else None


def identity_at_provider(
    context: ConnectContext, settings: AppSettings, access_token: str
) -> tuple[str | None, str | None]:
    """Return how a person calls the account that a token is for, and what the provider calls it.

    Raises:
        ConnectError: the provider does not say.
    """
    return account_of(context.provider(settings, needed="userinfo_uri").claims(access_token))
