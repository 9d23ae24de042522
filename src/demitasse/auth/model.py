"""Who acts, and what roles allow."""

from dataclasses import dataclass
from enum import Enum

from demitasse.doctypes.model import DocType

ADMINISTRATOR = "Administrator"
GUEST = "Guest"
EVERYONE_ROLES = frozenset({"All", "Guest"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody who does something: a user with the roles it has at this moment."""

    user: str
    roles: frozenset[str]

    @property
    def is_administrator(self) -> bool:
        """Whether every check passes."""
        return self.user == ADMINISTRATOR

    @property
    def is_guest(self) -> bool:
        """Whether nobody is logged in."""
        return self.user == GUEST


GUEST_ACTOR = Actor(user=GUEST, roles=frozenset({GUEST}))
ADMINISTRATOR_ACTOR = Actor(user=ADMINISTRATOR, roles=frozenset({ADMINISTRATOR, *EVERYONE_ROLES}))


class Reach(Enum):
    """On which documents of a DocType an action is allowed."""

    ALL = "all"
    OWN = "own"
    NONE = "none"


def reach(doctype: DocType, action: str, actor: Actor) -> Reach:
    """Return how far an actor's roles carry an action (``read``, ``write``, ``create``, ...) at level 0."""
    if actor.is_administrator:
        return Reach.ALL
    found = Reach.NONE
    for permission in doctype.permissions:
        if permission.permlevel == 0 and permission.role in actor.roles and action in permission.actions:
            if not permission.if_owner:
                return Reach.ALL
            found = Reach.OWN
    return found


def levels(doctype: DocType, action: str, actor: Actor) -> frozenset[int]:
    """Return the permission levels whose fields an actor may ``read`` or ``write``."""
    if actor.is_administrator:
        return frozenset(field.permlevel for field in doctype.fields) | {0}
    return frozenset(
        permission.permlevel
        for permission in doctype.permissions
        if permission.role in actor.roles and action in permission.actions
    )
