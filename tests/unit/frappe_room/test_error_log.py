"""``frappe.log_error``: what is written, and that it outlives what went wrong."""

import pytest

from demitasse import frappe
from demitasse.db.transaction import Transaction
from demitasse.frappe.aftermath import LIMIT, Aftermath
from demitasse.frappe.error_log import sort_out
from demitasse.frappe.log_rows import delete_old
from tests.unit.frappe_room.calls import TestSite

TRACE = "Traceback (most recent call last):\n  File x\nValueError: no beans"


@pytest.mark.parametrize(
    ("title", "message", "expected"),
    [
        ("Weather failed", "Mumbai: timeout", ("Weather failed", "Mumbai: timeout")),
        ("Weather failed", TRACE, ("Weather failed", TRACE)),
        (TRACE, "Weather failed", ("Weather failed", TRACE)),
        ("m" * 141, "Weather failed", ("Weather failed", "m" * 141)),
        ("Weather failed", None, ("Weather failed", "the handled exception")),
        (TRACE, None, ("ValueError: no beans", TRACE)),
        (None, TRACE, ("ValueError: no beans", TRACE)),
        (None, None, ("the handled exception", "the handled exception")),
        (ValueError("no beans"), None, ("no beans", "the handled exception")),
    ],
)
def test_title_and_message_may_come_in_either_order(title: object, message: object, expected: tuple[str, str]) -> None:
    assert sort_out(title, message, trace="the handled exception") == expected


def test_without_anything_to_say_it_is_an_error() -> None:
    assert sort_out(None, None, trace="") == ("Error", "Error")
    assert sort_out("t" * 200, TRACE, trace="")[0] == "t" * 139 + "…"


def test_an_error_is_logged_when_the_call_is_rolled_back(site: TestSite) -> None:
    def fail() -> None:
        frappe.get_doc({"doctype": "Role", "role_name": "Barista"}).insert()
        frappe.log_error("Order failed", "SF-1: no beans", "Role", "Barista")
        frappe.throw("No beans")

    with pytest.raises(frappe.ValidationError):
        site.run(fail)
    fields = ("method", "error", "reference_doctype", "reference_name", "seen", "owner")
    assert site.rows("Error Log", *fields) == [
        ("Order failed", "SF-1: no beans", "Role", "Barista", 0, "Administrator")
    ]
    assert "Barista" not in site.rows("Role", "name")


def test_an_error_is_logged_when_the_call_goes_on(site: TestSite) -> None:
    def go_on() -> str:
        logged = None
        try:
            int("beans")
        except ValueError:
            logged = frappe.log_error("Not a number")
        assert logged is not None
        frappe.get_doc({"doctype": "Role", "role_name": "Barista"}).insert()
        return str(logged.name)

    name = site.run(go_on)
    [(stored, error)] = site.rows("Error Log", "name", "error")
    assert stored == name
    assert "ValueError: invalid literal" in error
    assert "Barista" in site.rows("Role", "name")
    assert site.run(lambda: frappe.get_doc("Error Log", name).method) == "Not a number"


def test_a_nul_or_a_very_long_message_is_logged_too(site: TestSite) -> None:
    site.run(lambda: frappe.log_error("a\x00b", "m" * 1_000_000))
    [(title, error)] = site.rows("Error Log", "method", "error")
    assert title == "a�b"
    assert len(error) == 100_000


def test_outside_of_a_call_nothing_is_written_and_nothing_fails() -> None:
    assert frappe.log_error("Nobody is here") is None


def test_what_fails_afterwards_undoes_only_itself(site: TestSite) -> None:
    def fail(tx: Transaction) -> None:
        tx.run('DELETE FROM "tabRole"')
        raise RuntimeError

    def number(tx: Transaction) -> None:
        tx.run('UPDATE "tabRole" SET "idx" = 1')

    aftermath, tx = Aftermath(), site.site.database.write()
    aftermath.add([number, fail])
    aftermath.run(tx)
    assert not aftermath
    tx.commit()
    assert set(site.rows("Role", "idx")) == {1}


def test_what_waits_is_bounded() -> None:
    aftermath = Aftermath()
    aftermath.add([lambda tx: None] * (LIMIT + 10))
    assert len(aftermath._waiting) == LIMIT


def test_old_rows_are_deleted_in_chunks(site: TestSite) -> None:
    def log_some() -> None:
        for number in range(5):
            frappe.log_error(f"Old {number}")

    site.run(log_some)
    site.clock.advance(60)
    before = site.clock()
    site.run(lambda: frappe.log_error("New"))
    tx = site.site.database.write()
    assert [delete_old(tx, before=before, limit=3) for _ in range(3)] == [3, 2, 0]
    tx.commit()
    assert site.rows("Error Log", "method") == ["New"]
