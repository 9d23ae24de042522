"""What goes wrong in sync."""

from demitasse.kernel.errors import DemitasseError


class SyncError(DemitasseError):
    """Sites could not be brought in step."""

    code = "sync_error"


class UnknownRule(SyncError):
    """There is no Sync Rule of this name, or none that could do this."""

    code = "unknown_sync_rule"


class SameSite(SyncError):
    """The other site has this site's identity: one is a copy of the other."""

    code = "same_site"


class RuleRunning(SyncError):
    """The rule is being run by another process or thread."""

    code = "sync_rule_running"


class MissingLinks(SyncError):
    """A document links to others that are neither here nor can be fetched."""

    code = "missing_links"


class RefusedPush(SyncError):
    """No rule takes what was pushed, or it cannot be read."""

    code = "refused_push"


class UnverifiedPush(SyncError):
    """A push is not signed by a site that this one knows."""

    code = "unverified_push"


class NothingToResolve(SyncError):
    """A conflict is settled already, or what it is about is gone."""

    code = "nothing_to_resolve"
