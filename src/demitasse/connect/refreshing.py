"""A token that is valid now: the stored one, or a refreshed one. One refresh at a time, and everybody gets its result."""

from datetime import datetime, timedelta

import structlog

from demitasse.connect import store
from demitasse.connect.context import Caller, ConnectContext
from demitasse.connect.errors import ConnectError, GrantRefused, Misconfigured, ProviderUnavailable
from demitasse.connect.keeping import keep_new, settle
from demitasse.connect.ledger import Lease, Pending
from demitasse.connect.model import AppSettings, Grant, GrantState
from demitasse.connect.reading import find_grant, load_app, load_grant, moved, overlaid
from demitasse.db.transaction import Transaction
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
    began_at = context.now()
    caller.step_aside()
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
    began_at, began_s = context.now(), monotonic_s()
    settings = load_app(context, caller.tx, seen.app)
    caller.step_aside()
    try:
        with context.ledger.lease(seen.name, wait_s=WAIT_S) as lease:
            newest = _newest(context, caller, seen.name, lease)
            if newest is None or newest.state is GrantState.REVOKED:
                return None
            now = context.now()
            if newest.is_newer_than(seen):
                is_good = not newest.tokens.is_expired(now)
            else:
                is_good = not is_rejected and not newest.tokens.is_stale(now)
            if not is_good:
                _share_failure(lease, began_at)
                newest = _Refresh(context, caller, lease).run(newest, settings, is_rejected=is_rejected)
    except (ProviderUnavailable, Misconfigured) as error:
        if is_rejected or seen.tokens.is_expired(context.now()):
            raise
        _log.warning("token.refresh_postponed", token=seen.name, app=seen.app, error=error.message)
        return seen
    if newest is not None and lease.pending is not None:
        caller.durably(lambda tx: settle(context, tx, seen.name))
    if newest is not None and newest.is_newer_than(seen):
        _log.info("token.newer", token=seen.name, app=seen.app, duration_ms=round((monotonic_s() - began_s) * 1000))
    return newest


def _newest(context: ConnectContext, caller: Caller, name: str, lease: Lease) -> Grant | None:
    with caller.reading() as tx:
        grant = load_grant(context, tx, name)
    return None if grant is None else overlaid(grant, lease.pending)


def _share_failure(lease: Lease, began_at: datetime) -> None:
    """Raise what another one has met while this one waited, instead of meeting it once more."""
    if lease.failure is not None and lease.failure.at > began_at:
        raise ProviderUnavailable(lease.failure.message)


class _Refresh:
    """One refresh, under its lease."""

    def __init__(self, context: ConnectContext, caller: Caller, lease: Lease) -> None:
        self._context = context
        self._caller = caller
        self._lease = lease

    def run(self, grant: Grant, settings: AppSettings, *, is_rejected: bool) -> Grant | None:
        """Ask the provider, and make what it gives durable before anybody uses it."""
        if not grant.tokens.refresh_token:
            if not is_rejected and not grant.tokens.is_expired(self._context.now()):
                return grant
            self._give_up(grant, settings, _NO_REFRESH_TOKEN)
            return None
        try:
            tokens = self._context.provider(settings).refresh(grant.tokens.refresh_token)
        except GrantRefused as error:
            again = self._changed_meanwhile(grant)
            if again is None:
                self._give_up(grant, settings, error.message)
            return again
        except (ProviderUnavailable, Misconfigured) as error:
            self._note_failure(grant, error)
            raise
        pending = Pending(grant_id=grant.grant_id, generation=grant.generation + 1, tokens=tokens.after(grant.tokens))
        if not self._lease.keep(pending):
            return self._changed_meanwhile(grant)
        return moved(grant, pending)

    def _changed_meanwhile(self, grant: Grant) -> Grant | None:
        """Return the grant where somebody has written another one since it was read."""
        pending = self._context.ledger.pending(grant.name)
        with self._caller.reading() as tx:
            stored = load_grant(self._context, tx, grant.name)
        newest = None if stored is None else overlaid(stored, pending)
        if newest is None or newest.tokens.refresh_token == grant.tokens.refresh_token:
            return None
        return None if newest.state is GrantState.REVOKED else newest

    def _give_up(self, grant: Grant, settings: AppSettings, reason: str) -> None:
        """Note that the user has to authorise again, and tell them: once."""
        context = self._context
        now = context.now()
        told = reason if _is_settled(grant, settings, now=now) else f"{reason}. {_TESTING}"

        def note(tx: Transaction) -> None:
            if store.revoke(tx, grant, told, now=now):
                context.notices.reauthorise(tx, grant, reason=told)

        self._caller.durably(note)
        _log.warning("token.refused", token=grant.name, app=grant.app, error=reason)

    def _note_failure(self, grant: Grant, error: ConnectError) -> None:
        now = self._context.now()
        self._lease.note_failure(error.message, now=now)
        self._caller.durably(lambda tx: store.note_failure(tx, grant, error.message, now=now))
        _log.warning("token.not_refreshed", token=grant.name, app=grant.app, error=error.message)


def _is_settled(grant: Grant, settings: AppSettings, *, now: datetime) -> bool:
    """Return whether Google's limit for apps in testing cannot be why a grant is refused."""
    at_google = _GOOGLE in settings.endpoints.authorization_uri
    return not at_google or grant.connected_at is None or now - grant.connected_at > timedelta(days=_TESTING_DAYS)
