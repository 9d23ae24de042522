"""What becomes of a change that arrives: pure.

The base of a decision is the mark: the edit that both sides had in common. Loops end by where an edit was made, not by
whether values are equal: a site that gets its own edit back leaves it.
"""

from enum import Enum

from demitasse.sync.model import LocalState, Mark, Policy, RemoteDocument, Tombstone


class Action(Enum):
    """What is done with an arriving document or deletion."""

    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"
    KEEP = "keep ours"
    ASK = "ask a person"
    SAME = "nothing: it is here already"
    ECHO = "nothing: the edit is our own"
    STALE = "nothing: a later one was applied"
    ABSENT = "nothing: it is not here"


def decide(
    mark: Mark | None,
    local: LocalState | None,
    remote: RemoteDocument,
    *,
    policy: Policy,
    own_site: str,
    was_deleted_here: bool = False,
) -> Action:
    """Return what to do with a document that arrives.

    Args:
        was_deleted_here: There is a tombstone of it on this site.
    """
    if mark is not None and _is_stale(mark, remote):
        return Action.STALE
    if remote.version.site == own_site:
        return Action.INSERT if local is None and not was_deleted_here else Action.ECHO
    if local is None:
        return _for_missing(mark, remote, policy=policy)
    if mark is not None and not mark.is_deleted:
        if mark.version == remote.version:
            return Action.SAME
        if local.modified == mark.local_modified:
            return Action.UPDATE
    return _both_changed(local, remote, policy=policy, own_site=own_site)


def decide_deletion(
    mark: Mark | None, local: LocalState | None, tombstone: Tombstone, *, policy: Policy, own_site: str
) -> Action:
    """Return what to do with a deletion that arrives."""
    if tombstone.origin == own_site:
        return Action.ECHO
    if mark is not None and tombstone.sequence and tombstone.sequence <= mark.sequence:
        return Action.STALE
    if local is None or mark is None or mark.is_deleted:
        return Action.ABSENT
    if local.modified == mark.local_modified or policy is Policy.SOURCE_WINS:
        return Action.DELETE
    if policy is Policy.MANUAL:
        return Action.ASK
    return Action.DELETE if tombstone.deleted_at >= local.changed_at else Action.KEEP


def _is_stale(mark: Mark, remote: RemoteDocument) -> bool:
    """Return whether a push was overtaken: a later one, or a pull of a later state, was applied before it."""
    if not remote.sequence:
        return False
    return remote.sequence <= mark.sequence and remote.modified <= mark.remote_modified


def _for_missing(mark: Mark | None, remote: RemoteDocument, *, policy: Policy) -> Action:
    """Decide where there is no copy here; a mark says that there was one, which somebody deleted."""
    if mark is None or mark.is_deleted:
        return Action.INSERT
    if mark.version == remote.version:
        return Action.SAME if policy is not Policy.SOURCE_WINS else Action.INSERT
    return Action.ASK if policy is Policy.MANUAL else Action.INSERT


def _both_changed(local: LocalState, remote: RemoteDocument, *, policy: Policy, own_site: str) -> Action:
    if policy is Policy.SOURCE_WINS:
        return Action.UPDATE
    if policy is Policy.MANUAL:
        return Action.ASK
    # The same moment on both sides is decided alike on both: by the sites' ids.
    ours, theirs = (local.changed_at, own_site), (remote.changed_at, remote.version.site)
    return Action.UPDATE if theirs > ours else Action.KEEP
