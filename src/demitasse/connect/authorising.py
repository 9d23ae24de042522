"""Authorising an app: sending a person to the provider, and what comes back. Source: RFC 6749, 7636, 9207, 9700."""

import hmac
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

import structlog

from demitasse.connect import store
from demitasse.connect.context import Caller, ConnectContext
from demitasse.connect.discovery import WELL_KNOWN
from demitasse.connect.errors import ConnectError, ConsentDenied, ForeignFlow, GrantRefused, InvalidFlow
from demitasse.connect.identity import identity_of
from demitasse.connect.keeping import keep_new
from demitasse.connect.model import (
    AppSettings,
    Flow,
    Grant,
    GrantState,
    missing_scopes,
    origin_of,
    plain_text,
    split_scopes,
)
from demitasse.connect.reading import find_grant, load_app
from demitasse.db.transaction import Row
from demitasse.kernel import json
from demitasse.kernel.ids import random_secret

_log = structlog.get_logger("demitasse.connect")
LIFETIME_S = 600
_MOST_PER_USER = 20
_CHUNK = 50
_START_AGAIN = "Start again from the link or button that you came from"
_DENIED = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What a person's browser brought back from the provider.

    Args:
        issuer: Who the provider says it is (RFC 9207).
    """

    code: str | None = field(default=None, repr=False)
    state: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An authorisation that went well.

    Args:
        missing: Scopes that were asked for and not granted.
    """

    grant: Grant
    success_uri: str
    missing: tuple[str, ...]


def begin(
    context: ConnectContext,
    caller: Caller,
    *,
    app: str,
    user: str,
    session: str,
    redirect_uri: str,
    success_uri: str,
) -> str:
    """Note an authorisation that begins, and return the address at the provider where the person agrees.

    Several of one user may be under way at once; each is finished once, within ten minutes.

    Args:
        session: What the browser's session is known by; the callback counts only in it. Empty where code begins it
            outside of a request, for a link in a mail: then it counts in any session of the user.
        redirect_uri: The site's own callback, for an app that names none.
        success_uri: Checked already.

    Raises:
        DocumentNotFound: there is no such app.
        ConnectError: the app or its provider is not ready.
    """
    settings = load_app(context, caller.tx, app)
    known = find_grant(context, caller.tx, app, user)
    caller.step_aside()
    state, verifier, nonce = random_secret(32), random_secret(48), random_secret(16)
    is_whole = (
        known is not None
        and known.state is GrantState.USABLE
        and known.tokens.refresh_token is not None
        and not missing_scopes(settings.scopes, known.granted)
    )
    flow = Flow(
        app=app,
        user=user,
        session=_hashed(session),
        verifier=verifier,
        nonce=nonce,
        redirect_uri=settings.redirect_uri or redirect_uri,
        success_uri=success_uri,
        scopes=settings.scopes,
        expires_at=context.now() + timedelta(seconds=LIFETIME_S),
    )
    url = context.provider(settings, needed="authorization_uri").authorization_url(
        state=state,
        verifier=verifier,
        nonce=nonce,
        redirect_uri=flow.redirect_uri,
        scopes=flow.scopes,
        # Google and others give a refresh token only where the person is asked.
        asks_consent=settings.wants_refresh_token and not is_whole,
    )
    state_hash = _hashed(state)
    sealed = context.documents.vault.encrypt(
        json.encode({"verifier": verifier, "nonce": nonce}).decode(), place=_place(state_hash)
    )
    now = context.now()
    with caller.writing() as tx:
        store.drop_old_flows(tx, now=now, limit=_CHUNK)
        store.put_flow(tx, state_hash, flow, sealed=sealed, now=now)
        store.keep_newest_flows(tx, user, app, most=_MOST_PER_USER)
    _log.info("authorisation.begun", app=app, user=user)
    return url


def finish(context: ConnectContext, caller: Caller, callback: Callback, *, user: str, session: str) -> Finished:
    """Turn what came back into a grant. Whatever it comes to, the authorisation is over.

    Raises:
        InvalidFlow: it belongs to no authorisation that is under way.
        ForeignFlow: another user or another session began it, or another provider answers.
        ConsentDenied: the person did not agree.
        ConnectError: the provider does not give tokens for it; what was granted before is kept.
    """
    flow = _take(context, caller, callback.state)
    is_same_session = flow.session == _NO_SESSION or hmac.compare_digest(flow.session, _hashed(session))
    if flow.user != user or not is_same_session:
        message = (
            f"This authorisation of {flow.app} was begun by another user or in another session, so nothing was connected. "
            f"{_START_AGAIN}"
        )
        _log.warning("authorisation.foreign", app=flow.app, user=user)
        raise ForeignFlow(message, app=flow.app)
    settings = load_app(context, caller.tx, flow.app)
    caller.step_aside()
    _check_issuer(settings, callback.issuer)
    if callback.error or not callback.code:
        raise _refused(settings, callback)
    provider = context.provider(settings)
    try:
        tokens = provider.exchange(callback.code, verifier=flow.verifier, redirect_uri=flow.redirect_uri)
    except GrantRefused as error:
        message = f"{error.message}. {_START_AGAIN}"
        raise InvalidFlow(message, app=flow.app) from error
    account, subject = identity_of(context, settings, tokens, nonce=flow.nonce)
    with caller.writing() as tx:
        grant = keep_new(
            context,
            tx,
            app=flow.app,
            user=flow.user,
            tokens=tokens,
            asked=flow.scopes,
            account=account,
            subject=subject,
        )
    missing = missing_scopes(grant.asked, grant.granted)
    _log.info("authorisation.finished", app=flow.app, user=user, missing_scopes=list(missing))
    return Finished(grant=grant, success_uri=flow.success_uri, missing=missing)


def _take(context: ConnectContext, caller: Caller, state: str | None) -> Flow:
    if not state:
        message = f"The callback has no state, so it belongs to no authorisation. {_START_AGAIN}"
        raise InvalidFlow(message)
    state_hash = _hashed(state)
    with caller.writing() as tx:
        row = store.take_flow(tx, state_hash)
    flow = None if row is None else _flow(context, state_hash, row)
    if flow is None:
        message = f"This authorisation is not known: it was finished already, or never begun here. {_START_AGAIN}"
        raise InvalidFlow(message)
    if flow.expires_at <= context.now():
        message = f"This authorisation took longer than {LIFETIME_S // 60} minutes. {_START_AGAIN}"
        raise InvalidFlow(message, app=flow.app)
    return flow


def _flow(context: ConnectContext, state_hash: str, row: Row) -> Flow:
    app, user, session, sealed, redirect_uri, success_uri, scopes, expires_at = row
    secrets = json.decode(context.documents.vault.decrypt(sealed, place=_place(state_hash)))
    ends_at = store.moment(expires_at)
    assert ends_at is not None  # noqa: S101 - the column has no nulls
    return Flow(
        app=app,
        user=user,
        session=session,
        verifier=secrets["verifier"],
        nonce=secrets["nonce"],
        redirect_uri=redirect_uri,
        success_uri=success_uri,
        scopes=split_scopes(scopes) or (),
        expires_at=ends_at,
    )


def _check_issuer(settings: AppSettings, issuer: str | None) -> None:
    """Refuse an answer of another provider than the one that was asked (RFC 9207, section 2.4)."""
    if not issuer:
        return
    configured = settings.openid_configuration.removesuffix(WELL_KNOWN)
    if settings.openid_configuration.endswith(WELL_KNOWN):
        is_ours = issuer.rstrip("/") == configured.rstrip("/")
    else:
        asked = settings.endpoints.authorization_uri or settings.openid_configuration
        is_ours = origin_of(issuer) == origin_of(asked)
    if not is_ours:
        message = f"The answer comes from another provider than {settings.provider_name} was set up for. {_START_AGAIN}"
        raise ForeignFlow(message, app=settings.name)


def _refused(settings: AppSettings, callback: Callback) -> ConnectError:
    said = plain_text(" ".join(part for part in (callback.error, callback.error_description) if part))
    if not said:
        message = f"The provider sent you back without a code, so nothing was connected. {_START_AGAIN}"
        return InvalidFlow(message, app=settings.name)
    if callback.error in _DENIED:
        message = f"{settings.provider_name} was not connected: the consent was not given ({said}). {_START_AGAIN}"
    else:
        message = (
            f"{settings.provider_name} was not connected: it answered {said}. Check the Connected App, then start again"
        )
    return ConsentDenied(message, app=settings.name)


def _hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _place(state_hash: str) -> str:
    return f"connect_flow.sealed:{state_hash}"


_NO_SESSION = _hashed("")
