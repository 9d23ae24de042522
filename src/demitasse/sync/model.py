"""Values of sync: where a pull stands, what came from where, and what a rule asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import Enum
from typing import Any, NamedTuple


class Position(NamedTuple):
    """A place in the order of a source's documents: first by ``modified``, then by name.

    Args:
        modified: The source's own text, ``YYYY-MM-DD HH:MM:SS.ffffff``; it is compared, never converted.
    """

    modified: str
    name: str


START = Position("", "")
"""Before every document."""


class Version(NamedTuple):
    """One edit of a document: the site where somebody made it, and its ``modified`` there.

    A copy on another site keeps the version of the edit that it shows, however its values were rounded or reformatted.
    """

    site: str
    stamp: str


class Pattern(Enum):
    """How changes travel."""

    PULL = "Pull"
    PUSH = "Push"
    RECEIVE = "Receive"
    BROKER = "Broker"
    PUBLISH = "Publish"


class Policy(Enum):
    """Who wins where a document was changed on both sides."""

    SOURCE_WINS = "Source Wins"
    NEWEST_WINS = "Newest Wins"
    MANUAL = "Manual"


class Naming(Enum):
    """What a document from elsewhere is called here."""

    SAME_NAME = "Same Name"
    OWN_NAME = "Own Name"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDocument:
    """A whole document as its source shows it.

    Args:
        values: Own fields as JSON values, child tables as lists of mappings; an empty field is there as ``None``.
        zone: That of naive moments in the values.
        changed_at: When the edit was made that it shows.
        sequence: Its number among the document's pushes; 0 where it was pulled.
    """

    doctype: str
    name: str
    modified: str
    version: Version
    changed_at: datetime
    values: Mapping[str, Any]
    docstatus: int = 0
    zone: tzinfo = UTC
    sequence: int = 0

    @property
    def position(self) -> Position:
        """Where it stands among the source's documents."""
        return Position(self.modified, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """A document that is no longer there under its name.

    Args:
        position: Of the tombstone among the source's tombstones.
        new_name: Where it was renamed, ``None`` where it was deleted.
        origin: The site whose deletion was applied; empty where it was deleted by hand.
        sequence: Its number among the document's pushes; 0 where it was pulled.
    """

    doctype: str
    name: str
    position: Position
    deleted_at: datetime
    new_name: str | None = None
    origin: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is known of a document that was taken over: the link between its two copies, and the base of conflicts.

    Args:
        site: The Remote Site, as it is called here.
        remote_modified: The source's ``modified`` when it was last looked at.
        local_modified: Ours right after it was applied: another one now says that it was edited here since.
        version: The edit that was last taken over, or decided against.
        sequence: Of the last push.
    """

    site: str
    doctype: str
    remote_name: str
    local_doctype: str
    local_name: str
    remote_modified: str
    local_modified: str
    version: Version
    sequence: int = 0
    is_deleted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalState:
    """Our copy of a document, as far as a decision needs it."""

    name: str
    modified: str
    changed_at: datetime
    docstatus: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a Sync Rule asks for.

    Args:
        local_doctype: What the documents are here.
        fields: Local names by the source's; empty takes every field that both sides have.
        fixed: Values that every document gets here.
        child_keys: By table field, the field by which rows of both sides are matched; else by their names.
        lookback_s: How far behind the watermark is looked again for what committed late.
        stream: What a broker calls its messages; empty: made from the publishing site and the DocType.
    """

    name: str
    site: str
    doctype: str
    local_doctype: str
    pattern: Pattern = Pattern.PULL
    policy: Policy = Policy.SOURCE_WINS
    naming: Naming = Naming.SAME_NAME
    filters: Sequence[Any] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    child_keys: Mapping[str, str] = field(default_factory=dict)
    fetches_links: bool = True
    deletes: bool = True
    page_size: int = 500
    lookback_s: int = 60
    reconcile_every_h: int = 24
    schedule: str = ""
    is_enabled: bool = True
    stream: str = ""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a run has done; it grows while the run goes on."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    renamed: int = 0
    deleted: int = 0
    unchanged: int = 0
    kept: int = 0
    conflicts: int = 0
    parked: int = 0

    @property
    def written(self) -> int:
        """Documents that changed here."""
        return self.inserted + self.updated + self.renamed + self.deleted

    def add(self, other: "Counts") -> None:
        """Add what another part of the run has done."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def moment_of(text: str, *, zone: tzinfo) -> datetime:
    """Return the aware moment, in UTC, that a source's naive text stands for.

    Raises:
        ValueError: it is no moment.
    """
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
