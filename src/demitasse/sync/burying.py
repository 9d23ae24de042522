"""Applying that a document is no longer there under its name: deleted, or renamed."""

from dataclasses import replace
from typing import Any

from demitasse.doctypes.model import DocType
from demitasse.documents import store as document_store
from demitasse.sync import logbook, store
from demitasse.sync.conflict import Action, decide_deletion
from demitasse.sync.known import Known
from demitasse.sync.model import LocalState, Mark, Naming, Rule, Tombstone, Version


def bury(known: Known, tombstone: Tombstone) -> None:
    """Apply one deletion or rename, as far as the document is here and came from there."""
    rule = known.applier.rule_for(tombstone.doctype)
    key = tombstone.doctype, tombstone.name
    known.load([key])
    mark = known.mark(key)
    if mark is None:
        known.settle(key)
        return
    local = known.local(rule, *key)
    action = decide_deletion(mark, local, tombstone, policy=rule.policy, own_site=known.applier.own_site)
    if action is Action.DELETE and local is not None:
        _delete(known, tombstone, rule, mark, local)
    elif action is Action.ASK and local is not None:
        _ask(known, tombstone, rule, local)
    elif action is Action.STALE:
        known.counts.unchanged += 1
    elif action is Action.KEEP:
        known.counts.kept += 1
        known.settle(key)
    elif local is None:
        if not mark.is_deleted:
            known.put_mark(key, replace(mark, is_deleted=True))
        known.settle(key)


def _delete(known: Known, tombstone: Tombstone, rule: Rule, mark: Mark, local: LocalState) -> None:
    key = tombstone.doctype, tombstone.name
    doctype = known.context.registry.get(rule.local_doctype)
    origin = tombstone.origin or known.applier.peer
    if tombstone.new_name and rule.naming is Naming.SAME_NAME and doctype.definition.get("allow_rename"):
        _rename(known, tombstone, doctype, mark, origin=origin)
    elif rule.deletes:
        known.applier.writer.delete(known.tx, doctype, local.name, origin=origin)
        known.note_local((rule.local_doctype, local.name), None)
        known.put_mark(key, replace(mark, is_deleted=True, sequence=max(mark.sequence, tombstone.sequence)))
        known.counts.deleted += 1
    else:
        known.counts.kept += 1
        return
    known.settle(key)


def _rename(known: Known, tombstone: Tombstone, doctype: DocType, mark: Mark, *, origin: str) -> None:
    """Follow a rename here, so that links follow too: at the source they did so without a trace of their own."""
    new = tombstone.new_name or ""
    key = tombstone.doctype, new
    known.load([key])
    known.applier.writer.rename(known.tx, doctype, mark.local_name, new, origin=origin)
    known.drop_mark((tombstone.doctype, tombstone.name))
    row = store.local_rows(known.tx, doctype, [new]).get(new)
    known.note_local((doctype.name, mark.local_name), None)
    known.note_local((doctype.name, new), row)
    # The document comes again with its own ``modified``: until then its mark shows no edit that it could be taken for.
    moved = known.mark(key) or replace(mark, remote_name=new, version=Version(mark.version.site, ""), sequence=0)
    known.put_mark(key, replace(moved, local_name=new, local_modified=row[0] if row else ""))
    known.counts.renamed += 1


def _ask(known: Known, tombstone: Tombstone, rule: Rule, local: LocalState) -> None:
    doctype = known.context.registry.get(rule.local_doctype)
    key = tombstone.doctype, tombstone.name
    dispute = logbook.Dispute(
        rule=rule,
        kind=logbook.DELETED_THERE,
        local=document_store.find(known.context, known.tx, doctype, local.name),
        local_name=local.name,
        remote_name=tombstone.name,
        remote={},
        remote_modified=tombstone.position.modified,
        stamp=stamp_of(tombstone),
    )
    known.report_conflict(key, dispute)


def stamp_of(tombstone: Tombstone) -> dict[str, Any]:
    """Return what is kept of a deletion that cannot be applied yet."""
    return {
        "deleted_at": tombstone.deleted_at.isoformat(),
        "position": list(tombstone.position),
        "new_name": tombstone.new_name,
        "origin": tombstone.origin,
    }
