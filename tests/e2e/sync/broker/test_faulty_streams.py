"""Messages twice, in disorder, lost, or broken: in the end both sites are equal."""

import json
import random
from typing import Any

import pytest

from tests.e2e.site import run_command
from tests.e2e.sync.broker.conftest import RULE, Chain, Tamper, add_item, change_item
from tests.e2e.waiting import wait_for
from tests.e2e.webhooks import unique

pytestmark = pytest.mark.timeout(60, func_only=True)  # RabbitMQ and the sites take their time to start.


def fetches(chain: Chain) -> int:
    """Return how often the outlet has fetched everything."""
    return chain.outlet.log.count('"event": "sync.fetch"')


def test_messages_twice_and_in_disorder_make_no_difference(chain: Chain, tamper: Tamper) -> None:
    codes = [unique("MIX") for _ in range(12)]
    chain.wait_until_equal()
    assert chain.outlet.stop() == 0
    with chain.at_hq() as hq:
        for code in codes:
            add_item(hq, code)
        for code in codes[::2]:
            change_item(hq, code, item_name="Later")
        for code in codes[::3]:
            assert hq.delete(f"/api/resource/Item/{code}").status == 202
    chain.wait_until_published()
    messages = tamper.take_away()
    assert len(messages) >= len(codes)
    mixed = [*messages, *messages]
    random.Random(7).shuffle(mixed)
    before = fetches(chain)
    tamper.publish(mixed)
    chain.start(chain.outlet)

    items = chain.wait_until_equal(within_s=35)

    assert items.keys() & codes == {*codes} - {*codes[::3]}
    assert fetches(chain) == before


def test_messages_that_were_lost_are_noticed_and_fetched(chain: Chain, tamper: Tamper) -> None:
    changed, gone, new, last = (unique(kind) for kind in ("CHANGED", "GONE", "NEW", "LAST"))
    with chain.at_hq() as hq:
        add_item(hq, changed)
        add_item(hq, gone)
        chain.wait_until_equal()
        assert chain.outlet.stop() == 0
        change_item(hq, changed, item_name="Lost on the way")
        add_item(hq, new)
        assert hq.delete(f"/api/resource/Item/{gone}").status == 202
        chain.wait_until_published()
        assert len(tamper.take_away()) >= 3
        before = fetches(chain)
        chain.start(chain.outlet)
        add_item(hq, last)

    items = chain.wait_until_equal(within_s=40)

    assert items[changed]["item_name"] == "Lost on the way"
    assert gone not in items
    assert fetches(chain) == before + 1


def test_what_is_no_message_becomes_a_dead_letter_and_stops_nothing(chain: Chain, tamper: Tamper) -> None:
    behind = unique("BEHIND")
    tamper.publish([(unique("broken"), b'{"no": "message"}'), (unique("broken"), b"\xff\x00")])
    with chain.at_hq() as hq:
        add_item(hq, behind)
    assert behind in chain.wait_until_equal()

    dead = wait_for("the dead letters", lambda: rows if len(rows := command(chain, "dead", RULE)) >= 2 else None)

    assert any('"no"' in row["what"] for row in dead)
    again = command(chain, "dead", RULE, "--replay", code=1)
    assert all(row["error"] for row in again)
    assert len(command(chain, "dead", RULE)) == len(dead)


def test_a_message_of_another_site_is_refused_and_taken_once_it_is_known(chain: Chain, tamper: Tamper) -> None:
    code = unique("STRANGER")
    chain.wait_until_equal()
    assert chain.outlet.stop() == 0
    with chain.at_hq() as hq:
        add_item(hq, code)
        chain.wait_until_published()
        ((identifier, body),) = tamper.take_away()
        foreign = body.replace(chain.hq_id.encode(), b"another-site")
        tamper.publish([(identifier, foreign)])
        chain.start(chain.outlet)
        wait_for(
            "the refused message", lambda: any(row["what"] == f"Item {code}" for row in command(chain, "dead", RULE))
        )
        add_item(hq, unique("AFTER"))

    assert code in chain.wait_until_equal(within_s=40)


def command(chain: Chain, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    """Run `demitasse sync` at the outlet and return what it prints."""
    done = run_command("sync", *arguments, "--site", str(chain.outlet.path), "--json", environ=chain.environ)
    assert done.returncode == code, done.stderr + done.stdout
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told
