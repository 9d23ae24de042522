"""What becomes of a change that arrives, by what both sides had in common."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demitasse.sync.conflict import Action, decide, decide_deletion
from demitasse.sync.model import LocalState, Mark, Policy, Position, RemoteDocument, Tombstone, Version

US, THEM = "us", "them"
policies = pytest.mark.parametrize("policy", list(Policy))


def at(second: int) -> datetime:
    return datetime(2026, 1, 31, 10, 0, second, tzinfo=UTC)


def stamp(second: int) -> str:
    return f"2026-01-31 10:00:{second:02}.000000"


def remote(second: int, *, site: str = THEM, sequence: int = 0) -> RemoteDocument:
    return RemoteDocument(
        doctype="Item",
        name="A",
        modified=stamp(second),
        version=Version(site, stamp(second)),
        changed_at=at(second),
        values={},
        sequence=sequence,
    )


def mark(second: int, *, local: int = 0, sequence: int = 0, is_deleted: bool = False) -> Mark:
    return Mark(
        site="HQ",
        doctype="Item",
        remote_name="A",
        local_doctype="Item",
        local_name="A",
        remote_modified=stamp(second),
        local_modified=stamp(local),
        version=Version(THEM, stamp(second)),
        sequence=sequence,
        is_deleted=is_deleted,
    )


def local(second: int) -> LocalState:
    return LocalState(name="A", modified=stamp(second), changed_at=at(second))


@policies
def test_what_is_new_is_inserted(policy: Policy) -> None:
    assert decide(None, None, remote(5), policy=policy, own_site=US) is Action.INSERT


@policies
def test_the_same_edit_again_changes_nothing(policy: Policy) -> None:
    assert decide(mark(5, local=6), local(6), remote(5), policy=policy, own_site=US) is Action.SAME


@policies
def test_a_change_of_what_was_left_alone_here_is_taken(policy: Policy) -> None:
    assert decide(mark(5, local=6), local(6), remote(9), policy=policy, own_site=US) is Action.UPDATE


@policies
def test_our_own_edit_that_comes_back_is_left(policy: Policy) -> None:
    assert decide(mark(5, local=6), local(6), remote(9, site=US), policy=policy, own_site=US) is Action.ECHO
    assert decide(None, local(6), remote(9, site=US), policy=policy, own_site=US) is Action.ECHO


@policies
def test_our_own_edit_that_was_lost_here_comes_back_and_one_that_was_deleted_does_not(policy: Policy) -> None:
    assert decide(None, None, remote(9, site=US), policy=policy, own_site=US) is Action.INSERT
    gone = decide(None, None, remote(9, site=US), policy=policy, own_site=US, was_deleted_here=True)
    assert gone is Action.ECHO


@pytest.mark.parametrize(
    ("policy", "action"),
    [(Policy.SOURCE_WINS, Action.UPDATE), (Policy.NEWEST_WINS, Action.KEEP), (Policy.MANUAL, Action.ASK)],
)
def test_edits_on_both_sides_are_decided_by_the_policy(policy: Policy, action: Action) -> None:
    assert decide(mark(5, local=6), local(20), remote(9), policy=policy, own_site=US) is action
    assert decide(None, local(20), remote(9), policy=policy, own_site=US) is action


def test_the_newer_edit_wins_where_that_is_the_policy() -> None:
    newer = decide(mark(5, local=6), local(20), remote(30), policy=Policy.NEWEST_WINS, own_site=US)
    assert newer is Action.UPDATE


@given(ours=st.integers(0, 59), theirs=st.integers(0, 59))
def test_two_sites_under_newest_wins_keep_the_same_edit(ours: int, theirs: int) -> None:
    here = decide(None, local(ours), remote(theirs, site=THEM), policy=Policy.NEWEST_WINS, own_site=US)
    there = decide(None, local(theirs), remote(ours, site=US), policy=Policy.NEWEST_WINS, own_site=THEM)
    assert {here, there} == {Action.UPDATE, Action.KEEP}


def test_a_push_that_was_overtaken_is_left() -> None:
    passed = mark(9, local=6, sequence=4)
    assert decide(passed, local(6), remote(5, sequence=3), policy=Policy.SOURCE_WINS, own_site=US) is Action.STALE
    assert decide(passed, local(6), remote(9, sequence=4), policy=Policy.SOURCE_WINS, own_site=US) is Action.STALE


def test_a_push_after_the_source_began_to_count_anew_is_taken() -> None:
    passed = mark(5, local=6, sequence=40)
    assert decide(passed, local(6), remote(9, sequence=1), policy=Policy.SOURCE_WINS, own_site=US) is Action.UPDATE


@pytest.mark.parametrize(
    ("policy", "action"),
    [(Policy.SOURCE_WINS, Action.INSERT), (Policy.NEWEST_WINS, Action.INSERT), (Policy.MANUAL, Action.ASK)],
)
def test_what_was_deleted_here_and_changed_there(policy: Policy, action: Action) -> None:
    assert decide(mark(5, local=6), None, remote(9), policy=policy, own_site=US) is action


@policies
def test_what_was_deleted_there_and_made_anew_is_inserted(policy: Policy) -> None:
    assert decide(mark(5, is_deleted=True), None, remote(9), policy=policy, own_site=US) is Action.INSERT


def tombstone(second: int, *, origin: str = "") -> Tombstone:
    return Tombstone(
        doctype="Item", name="A", position=Position(stamp(second), "T"), deleted_at=at(second), origin=origin
    )


@policies
def test_a_deletion_of_what_was_left_alone_here_is_followed(policy: Policy) -> None:
    action = decide_deletion(mark(5, local=6), local(6), tombstone(9), policy=policy, own_site=US)
    assert action is Action.DELETE


@pytest.mark.parametrize(
    ("policy", "action"),
    [(Policy.SOURCE_WINS, Action.DELETE), (Policy.NEWEST_WINS, Action.KEEP), (Policy.MANUAL, Action.ASK)],
)
def test_a_deletion_of_what_was_changed_here_is_decided_by_the_policy(policy: Policy, action: Action) -> None:
    assert decide_deletion(mark(5, local=6), local(20), tombstone(9), policy=policy, own_site=US) is action


@policies
def test_a_deletion_that_was_made_here_does_not_come_back(policy: Policy) -> None:
    action = decide_deletion(mark(5, local=6), local(6), tombstone(9, origin=US), policy=policy, own_site=US)
    assert action is Action.ECHO


@policies
def test_a_deletion_of_what_never_came_from_there_is_left(policy: Policy) -> None:
    assert decide_deletion(None, local(6), tombstone(9), policy=policy, own_site=US) is Action.ABSENT
