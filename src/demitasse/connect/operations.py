"""What people and programs do with connections beside authorising: disconnect, test, look."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog

from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.connect import store
from demitasse.connect.context import Caller, ConnectContext
from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured
from demitasse.connect.identity import identity_at_provider
from demitasse.connect.model import AppSettings, Grant, GrantState, missing_scopes
from demitasse.connect.reading import TOKEN_CACHE, find_grant, load_app, load_grant, overlaid
from demitasse.connect.refreshing import WAIT_S, active_grant, refreshed
from demitasse.db.transaction import Transaction
from demitasse.documents import operations
from demitasse.documents import store as documents
from demitasse.vault.errors import MissingSecret

_log = structlog.get_logger("demitasse.connect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a connection is; nothing in it is secret.

    Args:
        missing: Scopes that the app asks for now and the user has not granted: connecting again asks for them.
        expires_at: When the access token ends; a new one is fetched by itself where ``can_refresh``.
    """

    user: str
    is_connected: bool
    needs_reauthorisation: bool
    account: str | None = None
    asked: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    can_refresh: bool = False
    connected_at: datetime | None = None
    expires_at: datetime | None = None
    refreshed_at: datetime | None = None
    error: str | None = None
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a test of a connection showed."""

    is_good: bool
    account: str | None
    message: str


def status(context: ConnectContext, tx: Transaction, app: str, user: str, *, scopes: Iterable[str]) -> Status:
    """Return how the connection of a user with an app is.

    Args:
        scopes: What the app asks for now.
    """
    asked = tuple(scopes)
    grant = find_grant(context, tx, app, user)
    if grant is None:
        return Status(user=user, is_connected=False, needs_reauthorisation=False, asked=asked, missing=asked)
    grant = overlaid(grant, context.ledger.pending(grant.name))
    is_revoked = grant.state is GrantState.REVOKED
    return Status(
        user=user,
        is_connected=not is_revoked,
        needs_reauthorisation=is_revoked,
        account=grant.account,
        asked=asked,
        granted=grant.granted,
        missing=missing_scopes(asked, grant.granted),
        can_refresh=grant.tokens.refresh_token is not None,
        connected_at=grant.connected_at,
        expires_at=grant.tokens.expires_at,
        refreshed_at=grant.refreshed_at,
        error=grant.error,
        failed_at=grant.failed_at,
    )


def users_of(tx: Transaction, app: str) -> list[str]:
    """Return the users that have a connection with an app, good or not."""
    return [user for _, user in store.tokens_of_app(tx, app) if user]


def disconnect(context: ConnectContext, caller: Caller, app: str, user: str) -> str | None:
    """Revoke a grant at the provider, then delete it here; return why the provider could not be told, if it could not.

    What cannot be revoked is deleted all the same.

    Raises:
        ProviderUnavailable: the token is being refreshed, for too long to wait.
    """
    found = find_grant(context, caller.tx, app, user)
    if found is None:
        return None
    settings: AppSettings | None = None
    problem: str | None = None
    try:
        settings = load_app(context, caller.tx, app)
    except (Misconfigured, MissingSecret) as error:
        problem = error.message
    caller.step_aside()
    # Not while it is being refreshed: what came of that would stay good at the provider.
    with context.ledger.lease(found.name, wait_s=WAIT_S) as lease:
        with caller.reading() as tx:
            stored = load_grant(context, tx, found.name)
        if settings is not None and stored is not None:
            problem = _revoke(context, settings, overlaid(stored, lease.pending))
    with caller.writing() as tx:
        record = documents.find(context.documents, tx, context.documents.registry.get(TOKEN_CACHE), found.name)
        if record is not None:
            record.flags["ignore_permissions"] = True
            operations.delete(context.documents, tx, record, actor=ADMINISTRATOR_ACTOR)
        tx.after_commit(lambda: context.ledger.forget(found.name))
    _log.info("token.disconnected", app=app, user=user, is_revoked=problem is None)
    return problem


def probe(context: ConnectContext, caller: Caller, app: str, user: str) -> Probe:
    """Ask the provider who the user is, or where it has no such question for a new token, and tell what came of it."""
    settings = load_app(context, caller.tx, app)
    try:
        grant = active_grant(context, caller, app, user)
        if grant is None:
            return Probe(is_good=False, account=None, message="Not connected: authorize first")
        if context.discovery.endpoints_of(settings, needed="userinfo_uri").userinfo_uri:
            return _asked_for_identity(context, caller, grant)
        if grant.tokens.refresh_token is None:
            return Probe(
                is_good=True, account=grant.account, message="There is a token; the provider offers no way to test it"
            )
        again = refreshed(context, caller, grant, is_rejected=True)
    except ConnectError as error:
        return Probe(is_good=False, account=None, message=error.message)
    if again is None:
        return Probe(is_good=False, account=None, message="The provider refuses the grant: connect again")
    return Probe(is_good=True, account=again.account, message="The provider gave a new token")


def _asked_for_identity(context: ConnectContext, caller: Caller, grant: Grant) -> Probe:
    settings = load_app(context, caller.tx, grant.app)
    caller.step_aside()
    try:
        account, subject = identity_at_provider(context, settings, grant.tokens.access_token)
    except GrantRefused:
        again = refreshed(context, caller, grant, is_rejected=True)
        if again is None:
            return Probe(is_good=False, account=None, message="The provider refuses the grant: connect again")
        caller.step_aside()
        account, subject = identity_at_provider(context, settings, again.tokens.access_token)
    caller.durably(lambda tx: store.note_account(tx, grant.name, account=account, subject=subject))
    return Probe(is_good=True, account=account, message=f"The provider knows the user as {account}")


def _revoke(context: ConnectContext, settings: AppSettings, grant: Grant) -> str | None:
    """Make a grant worthless at the provider; return why that did not work.

    With the refresh token goes what it gave (RFC 7009, section 2.1).
    """
    tokens = grant.tokens
    try:
        if not context.discovery.endpoints_of(settings, needed="revocation_uri").revocation_uri:
            return (
                f"{settings.provider_name} offers no revocation here: take the access away in your account there, too"
            )
        provider = context.provider(settings, needed="revocation_uri")
        if tokens.refresh_token:
            provider.revoke(tokens.refresh_token, hint="refresh_token")
        else:
            provider.revoke(tokens.access_token, hint="access_token")
    except ConnectError as error:
        return f"It was not revoked at {settings.provider_name}: {error.message}"
    return None
