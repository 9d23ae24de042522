"""Documents that came from another site, worked out as far as that needs no transaction that writes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demitasse.db.transaction import Transaction
from demitasse.doctypes.model import DocType
from demitasse.documents.context import DocumentContext
from demitasse.kernel.errors import DemitasseError
from demitasse.sync import links, store
from demitasse.sync.errors import SyncError
from demitasse.sync.mapping import Mapper
from demitasse.sync.model import Naming, RemoteDocument, Rule
from demitasse.sync.rules import is_own
from demitasse.sync.writing import Writer


@dataclass(slots=True, kw_only=True)
class Arrival:
    """A document that came, worked out as far as that needs no database.

    Args:
        targets: What its links lead to, as the source names it.
        fault: Why it cannot be applied at all.
    """

    remote: RemoteDocument
    rule: Rule
    doctype: DocType | None = None
    values: dict[str, Any] = field(default_factory=dict)
    targets: frozenset[links.Target] = frozenset()
    fault: Exception | None = None

    @property
    def target(self) -> links.Target:
        """What a link to it names: the DocType here, the name there."""
        return self.rule.local_doctype, self.remote.name

    @property
    def local_doctype(self) -> DocType:
        """The DocType that it has here.

        Raises:
            SyncError: there is none.
        """
        if self.doctype is None:
            message = f"DocType {self.rule.local_doctype} is not on this site"
            raise SyncError(message)
        return self.doctype


class Applier:
    """Applies documents of one Remote Site under its rules.

    Args:
        site: The Remote Site's name here.
        peer: That site's id.
        own_site: This site's id.
        rules: By DocType at the source.
    """

    def __init__(
        self, context: DocumentContext, *, site: str, peer: str, own_site: str, rules: Mapping[str, Rule]
    ) -> None:
        self.context = context
        self.site = site
        self.peer = peer
        self.own_site = own_site
        self.rules = dict(rules)
        self._by_local = {rule.local_doctype: rule for rule in rules.values()}
        self._without_rule: dict[str, Rule] = {}
        self._mappers: dict[tuple[str, tuple[str, ...]], Mapper] = {}
        self.writer = Writer(context)

    def rule_for(self, doctype: str) -> Rule:
        """Return the rule for a DocType of the source; what is only linked to goes under none of its own."""
        return self.rules.get(doctype) or self._plain(doctype)

    def rule_to(self, local_doctype: str) -> Rule:
        """Return the rule by which documents of a DocType here are taken over."""
        return self._by_local.get(local_doctype) or self._plain(local_doctype)

    def _plain(self, doctype: str) -> Rule:
        """Return a rule for what is only linked to: what is parked of it is tried again with the first rule of all."""
        found = self._without_rule.get(doctype)
        if found is None:
            name = next((rule.name for rule in self.rules.values()), "")
            found = Rule(name=name, site=self.site, doctype=doctype, local_doctype=doctype)
            self._without_rule[doctype] = found
        return found

    def prepare(self, documents: Iterable[RemoteDocument]) -> list[Arrival]:
        """Map documents; what cannot be mapped has its fault."""
        return [self._prepared(remote) for remote in documents]

    def missing_targets(self, tx: Transaction, arrivals: Sequence[Arrival]) -> dict[str, list[str]]:
        """Return what these link to that is neither here nor among them, by DocType at the source."""
        wanted = {target for arrival in arrivals if arrival.rule.fetches_links for target in arrival.targets}
        wanted -= {arrival.target for arrival in arrivals}
        found: dict[str, list[str]] = {}
        for kind, name in sorted(links.missing(self.context, tx, wanted, known=set())):
            rule = self.rule_to(kind)
            doctype = self.context.registry.find(kind)
            if doctype is None or is_own(doctype):
                continue
            if rule.naming is Naming.OWN_NAME and store.marks_of(tx, self.site, rule.doctype, [name]):
                continue
            found.setdefault(rule.doctype, []).append(name)
        return found

    def _mapper(self, remote: RemoteDocument, rule: Rule, doctype: DocType) -> Mapper:
        """Return how documents with these fields are mapped; a schema that changes under way is another one."""
        key = remote.doctype, tuple(remote.values)
        found = self._mappers.get(key)
        if found is None or found.doctype is not doctype:
            found = self._mappers[key] = Mapper(key[1], rule, doctype, self.context.registry)
        return found

    def _prepared(self, remote: RemoteDocument) -> Arrival:
        rule = self.rule_for(remote.doctype)
        try:
            doctype = self.context.registry.get(rule.local_doctype)
            values = self._mapper(remote, rule, doctype).values(remote)
            targets = links.targets_of(self.context, doctype, values)
        except (DemitasseError, ValueError, TypeError, AttributeError) as error:
            return Arrival(remote=remote, rule=rule, fault=error)
        return Arrival(remote=remote, rule=rule, doctype=doctype, values=values, targets=frozenset(targets))
