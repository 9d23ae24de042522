"""Changes are noted with the transaction that makes them, and leave as messages in its order."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demitasse.app.install import new_site
from demitasse.app.site import Site, open_site
from demitasse.app.webhooks import reading, writing
from demitasse.auth.model import ADMINISTRATOR_ACTOR
from demitasse.db.transaction import Transaction
from demitasse.documents import building, operations, store
from demitasse.sync.broker import publishing
from demitasse.sync.broker.chain import BEGINS
from demitasse.sync.broker.messages import StreamMessage, decode
from demitasse.sync.identity import ensure_identity
from demitasse.sync.model import Pattern, Rule

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULE = Rule(name="r", site="Outlets", doctype="Role", local_doctype="Role", pattern=Pattern.PUBLISH)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("publishing") / "site"
    new_site(path, environ={})
    return path


@pytest.fixture
def site(made: Path) -> Iterator[Site]:
    opened = open_site(made, environ={}, clock=lambda: NOW)
    writing(opened, ensure_identity)
    publish(opened, "Role")
    yield opened
    for table in ("sync_stream_outbox", "sync_stream_sent", "tabSync Rule"):
        writing(opened, lambda tx, table=table: tx.run(f'DELETE FROM "{table}"'))  # type: ignore[misc]
    writing(opened, lambda tx: tx.run("DELETE FROM \"tabRole\" WHERE name LIKE 'R-%'"))
    opened.close()


def publish(site: Site, doctype: str) -> None:
    """Have a DocType published, past the checks of rules."""
    columns = '"name", "owner", "creation", "modified", "modified_by", "document_type", "pattern", "enabled"'
    at = "2026-03-01 12:00:00.000000"
    values = (f"publish {doctype}", "Administrator", at, at, "Administrator", doctype, "Publish", 1)
    writing(site, lambda tx: tx.run(f'INSERT INTO "tabSync Rule" ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)', values))
    site.change_notes.forget()


def add(site: Site, name: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        record = building.new_record(site.documents, site.registry.get("Role"), {"role_name": name})
        operations.insert(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)

    return work


def change(site: Site, name: str, **values: Any) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        role = site.registry.get("Role")
        operations.set_values(site.documents, tx, role, name, values, actor=ADMINISTRATOR_ACTOR)

    return work


def delete(site: Site, name: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        record = store.load(site.documents, tx, site.registry.get("Role"), name)
        operations.delete(site.documents, tx, record, actor=ADMINISTRATOR_ACTOR)

    return work


def noted(site: Site) -> list[str]:
    return [
        row[0] for row in reading(site, lambda tx: tx.execute('SELECT "name" FROM "sync_stream_outbox" ORDER BY "id"'))
    ]


def begin(site: Site, stream: str = "s") -> None:
    writing(site, lambda tx: publishing.begin(tx, RULE, stream))


def batch(site: Site, stream: str = "s") -> publishing.Batch | None:
    return reading(site, lambda tx: publishing.next_batch(site.documents, tx, RULE, stream))


def messages(found: publishing.Batch | None) -> list[StreamMessage]:
    return [decode(body) for _, body in found.bodies] if found is not None else []


def names(found: publishing.Batch | None) -> list[str]:
    return [each.tombstone.name if each.tombstone is not None else each.documents[0].name for each in messages(found)]


def confirm(site: Site, found: publishing.Batch | None, stream: str = "s", *, others: tuple[str, ...] = ()) -> None:
    assert found is not None
    writing(site, lambda tx: publishing.confirm(tx, RULE, stream, found, others=others))


def test_changes_are_noted_with_their_transaction(site: Site) -> None:
    writing(site, add(site, "R-1"))
    tx = site.database.write()
    add(site, "R-undone")(tx)
    tx.rollback()

    assert noted(site) == ["R-1"]


def test_what_is_not_published_is_not_noted(site: Site) -> None:
    writing(site, lambda tx: tx.run('DELETE FROM "tabSync Rule"'))
    site.change_notes.forget()
    writing(site, add(site, "R-1"))

    assert noted(site) == []
    assert not site.change_notes.wants("Role", "on_change")


def test_several_changes_in_one_transaction_are_noted_once(site: Site) -> None:
    def work(tx: Transaction) -> None:
        add(site, "R-1")(tx)
        add(site, "R-2")(tx)
        change(site, "R-1", disabled=1)(tx)

    writing(site, work)

    assert noted(site) == ["R-2", "R-1"]


def test_messages_follow_each_other_and_show_the_last_state(site: Site) -> None:
    writing(site, add(site, "R-1"))
    begin(site)
    writing(site, add(site, "R-2"))
    writing(site, change(site, "R-1", disabled=1))
    found = batch(site)

    first, second = messages(found)
    assert names(found) == ["R-2", "R-1"]
    assert first.previous == BEGINS
    assert second.previous == first.id
    assert second.documents[0].values["disabled"] == 1
    assert second.documents[0].sequence == second.id


def test_a_deleted_document_is_told_to_be_gone(site: Site) -> None:
    begin(site)
    writing(site, add(site, "R-1"))
    writing(site, delete(site, "R-1"))

    (message,) = messages(batch(site))
    assert message.tombstone is not None
    assert message.tombstone.name == "R-1"
    assert message.documents == []


def test_what_was_confirmed_is_not_sent_again_and_the_chain_goes_on(site: Site) -> None:
    begin(site)
    writing(site, add(site, "R-1"))
    found = batch(site)
    confirm(site, found)

    assert noted(site) == []
    assert batch(site) is None
    writing(site, change(site, "R-1", disabled=1))
    (message,) = messages(batch(site))
    assert message.previous == messages(found)[0].id


def test_what_another_stream_does_not_have_yet_stays_noted(site: Site) -> None:
    begin(site, "s")
    begin(site, "other")
    writing(site, add(site, "R-1"))
    confirm(site, batch(site), others=("other",))

    assert noted(site) == ["R-1"]
    confirm(site, batch(site, "other"), "other", others=("s",))
    assert noted(site) == []


def test_a_stream_that_did_not_begin_has_nothing_to_send(site: Site) -> None:
    writing(site, add(site, "R-1"))

    assert batch(site) is None
