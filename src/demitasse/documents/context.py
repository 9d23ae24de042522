"""What every operation on documents needs beside its transaction."""

from dataclasses import dataclass, field
from datetime import tzinfo

from demitasse.doctypes.model import DocType, Registry
from demitasse.documents.plan import Plan, make_plan
from demitasse.documents.ports import AccessRules, Hooks, Observers
from demitasse.kernel.clock import Clock
from demitasse.vault.cipher import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContext:
    """The documents of one site.

    Args:
        zone: The zone of naive moments in values from outside.
    """

    registry: Registry
    hooks: Hooks
    observers: Observers
    access: AccessRules
    vault: Vault
    clock: Clock
    zone: tzinfo
    dialect: str
    _plans: dict[str, Plan] = field(default_factory=dict)

    def plan(self, doctype: DocType) -> Plan:
        """Return what is compiled for a DocType, once for each version of it."""
        plan = self._plans.get(doctype.name)
        if plan is None or plan.doctype is not doctype:
            plan = self._plans[doctype.name] = make_plan(doctype, dialect=self.dialect)
        return plan
