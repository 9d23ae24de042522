"""A token that is valid now: the stored one, or a refreshed one. One refresh at a time, and everybody gets its result."""

from datetime import datetime, timedelta

import structlog

from demitasse.connect import store
from demitasse.connect.context import Caller, ConnectContext
from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured, ProviderUnavailable
from demitasse.connect.keeping import keep_new, settle
from demitasse.connect.ledger import Lease, Pending
from demitasse.connect.model import AppSettings, Grant, GrantState, Tokens
from demitasse.connect.reading import find_grant, load_app, load_grant, moved, overlaid
from demitasse.kernel.clock import monotonic_s

_log = structlog.get_logger("demitasse.connect")
WAIT_S = 25.0
"""For somebody else's refresh of the same token: longer than one takes, both of its attempts included."""
_NO_REFRESH_TOKEN = "The access token is of no use any more, and the provider gave no refresh token"  # noqa: S105 - a sentence
_GOOGLE = "accounts.google.com"
_TESTING_DAYS = 8
_TESTING = "An app whose publishing status at Google is Testing loses its grants after seven days: publish it there"


def active_grant(context: ConnectContext, caller: Caller, app: str, user: str) -> Grant | None:
    """Return what a user has granted an app, with a token that is valid now; ``None``: they have to authorise.

    Raises:
        ProviderUnavailable: the token has ended and the provider cannot be asked for another one; the grant is kept.
        Misconfigured: the provider does not know the app (any more).
    """
    grant = find_grant(context, caller.tx, app, user)
    if grant is None or grant.state is GrantState.REVOKED:
        return None
    return refreshed(context, caller, grant) if grant.tokens.is_stale(context.now()) else grant


def app_grant(context: ConnectContext, caller: Caller, app: str) -> Grant:
    """Return the app's own token (client credentials), valid now.

    Raises:
        ConnectError: the provider gives none.
    """
    grant = find_grant(context, caller.tx, app, None)
    if grant is not None and not grant.tokens.is_stale(context.now()):
        return grant
    settings = load_app(context, caller.tx, app)
    if not caller.step_aside():  # Its holder may be waiting for the caller's transaction to end.
        tokens = context.provider(settings).client_credentials()
        return keep_new(context, caller.tx, app=app, user=None, tokens=tokens, asked=settings.scopes)
    began_at = context.now()
    with context.ledger.lease(f"{app} ", wait_s=WAIT_S) as lease:
        with caller.reading() as tx:
            newest = find_grant(context, tx, app, None)
        if newest is not None and not newest.tokens.is_stale(context.now()):
            return newest
        _share_failure(lease, began_at)
        try:
            tokens = context.provider(settings).client_credentials()
        except ConnectError as error:
            lease.note_failure(error.message, now=context.now())
            raise
        with caller.writing() as tx:
            return keep_new(context, tx, app=app, user=None, tokens=tokens, asked=settings.scopes)


def refreshed(context: ConnectContext, caller: Caller, seen: Grant, *, is_rejected: bool = False) -> Grant | None:
    """Return a grant with a newer token than the one that was seen; ``None``: the user has to authorise again.

    Args:
        is_rejected: The token was refused where it was used, so it is worth nothing, however long it should live.

    Raises:
        ProviderUnavailable: as ``active_grant``; while the old token still lives it is returned instead.
        Misconfigured: as ``active_grant``.
    """
    began_s = monotonic_s()
    refresh = _Refresh(context, caller, load_app(context, caller.tx, seen.app), is_rejected=is_rejected)
    caller.step_aside()
    try:
        with context.ledger.lease(seen.name, wait_s=WAIT_S) as lease:
            newest = refresh.under(lease, seen)
    except (ProviderUnavailable, Misconfigured) as error:
        refresh.note_failure(error)
        if is_rejected or seen.tokens.is_expired(context.now()):
            raise
        return seen
    if lease.pending is not None:
        caller.durably(lambda tx: settle(context, tx, seen.name))
    duration_ms = round((monotonic_s() - began_s) * 1000)
    if newest is None or newest.state is GrantState.REVOKED:
        _log.warning("token.refused", token=seen.name, app=seen.app, duration_ms=duration_ms)
        return None
    if newest.is_newer_than(seen):
        _log.info("token.newer", token=seen.name, app=seen.app, duration_ms=duration_ms)
    return newest


def _share_failure(lease: Lease, began_at: datetime) -> None:
    """Raise what another one has met while this one waited, instead of meeting it once more."""
    if lease.failure is not None and lease.failure.at > began_at:
        raise ProviderUnavailable(lease.failure.message)


class _Refresh:
    """One refresh, or what somebody else's came to. Under its lease nothing waits for the site's database."""

    def __init__(self, context: ConnectContext, caller: Caller, settings: AppSettings, *, is_rejected: bool) -> None:
        self._context = context
        self._caller = caller
        self._settings = settings
        self._is_rejected = is_rejected
        self._began_at = context.now()
        self._asked_for: Grant | None = None

    def under(self, lease: Lease, seen: Grant) -> Grant | None:
        """Return the newest grant with a token that is good: as it is stored, or after asking the provider."""
        newest = self._newest(seen.name, lease.pending)
        if newest is None or newest.state is GrantState.REVOKED or self._is_good(newest, seen):
            return newest
        _share_failure(lease, self._began_at)
        self._asked_for = newest
        try:
            return self._ask(lease, newest)
        except (ProviderUnavailable, Misconfigured) as error:
            lease.note_failure(error.message, now=self._context.now())
            raise

    def note_failure(self, error: ConnectError) -> None:
        """Write why the provider could not be asked, where it was this one that asked."""
        grant, now = self._asked_for, self._context.now()
        if grant is not None:
            self._caller.durably(lambda tx: store.note_failure(tx, grant, error.message, now=now))
            _log.warning("token.not_refreshed", token=grant.name, app=grant.app, error=error.message)

    def _newest(self, name: str, pending: Pending | None) -> Grant | None:
        with self._caller.reading() as tx:
            grant = load_grant(self._context, tx, name)
        return None if grant is None else overlaid(grant, pending)

    def _is_good(self, newest: Grant, seen: Grant) -> bool:
        now = self._context.now()
        tokens = newest.tokens
        if newest.is_newer_than(seen) or (not tokens.refresh_token and not self._is_rejected):
            return not tokens.is_expired(now)  # Where there is nothing to refresh with, a token serves to its end.
        return not self._is_rejected and not tokens.is_stale(now)

    def _ask(self, lease: Lease, grant: Grant) -> Grant | None:
        """Ask the provider, and make what it says durable before anybody acts on it."""
        generation = grant.generation + 1
        try:
            tokens = self._tokens(grant.tokens.refresh_token)
        except GrantRefused as error:
            again = self._newest(grant.name, self._context.ledger.pending(grant.name))
            if again is None or again.is_newer_than(grant):
                return again
            pending = Pending(grant_id=grant.grant_id, generation=generation, refusal=self._advised(error, grant))
        else:
            pending = Pending(grant_id=grant.grant_id, generation=generation, tokens=tokens.after(grant.tokens))
        if not lease.keep(pending):  # It took so long that the lease went to somebody else: theirs counts.
            return self._newest(grant.name, self._context.ledger.pending(grant.name))
        return moved(grant, pending)

    def _tokens(self, refresh_token: str | None) -> Tokens:
        if refresh_token is None:
            raise GrantRefused(_NO_REFRESH_TOKEN)
        return self._context.provider(self._settings).refresh(refresh_token)

    def _advised(self, error: GrantRefused, grant: Grant) -> str:
        """Return why a grant is refused, with what may be behind it."""
        at_google = _GOOGLE in self._settings.endpoints.authorization_uri
        age = None if grant.connected_at is None else self._context.now() - grant.connected_at
        is_young = age is not None and age < timedelta(days=_TESTING_DAYS)
        return f"{error.message}. {_TESTING}" if at_google and is_young else error.message
