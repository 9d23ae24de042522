"""Messages of a broker that could not be taken, as operators see them and take them again."""

import asyncio
from contextlib import ExitStack
from typing import Any

from demitasse.app.broker_reading import group_reader, known_site, receiver_of
from demitasse.app.site import Site
from demitasse.app.webhooks import reading
from demitasse.kernel.errors import DemitasseError
from demitasse.sync.broker.messages import BrokenMessage, decode
from demitasse.sync.broker.receiving import Receiver
from demitasse.sync.errors import SyncError
from demitasse.sync.model import Pattern, Rule
from demitasse.sync.rules import load_rule
from demitasse.transports.broker import DeadLetter

_SHOWN = 300


def dead_letters(site: Site, rule_name: str, *, limit: int) -> list[dict[str, Any]]:
    """Return the messages of a rule that could not be taken, oldest first.

    Raises:
        SyncError: it is no rule that reads from a broker.
        BrokerUnavailable: the broker cannot be reached.
    """
    rule = _rule(site, rule_name)
    return [_shown(letter) for letter in asyncio.run(_read(site, rule, limit=limit))]


def replay_dead(site: Site, rule_name: str, *, limit: int) -> list[dict[str, Any]]:
    """Take dead letters again and remove those that were taken; ``error`` says why another was not.

    Raises:
        SyncError: it is no rule that reads from a broker.
        BrokerUnavailable: the broker cannot be reached.
    """
    rule = _rule(site, rule_name)
    return asyncio.run(_replay(site, rule, limit=limit))


async def _read(site: Site, rule: Rule, *, limit: int) -> list[DeadLetter]:
    reader = group_reader(site, rule, known_site(site, rule))
    try:
        return await reader.dead_letters(limit=limit)
    finally:
        await reader.close()


async def _replay(site: Site, rule: Rule, *, limit: int) -> list[dict[str, Any]]:
    remote = known_site(site, rule)
    reader = group_reader(site, rule, remote)
    try:
        with ExitStack() as stack:
            receiver = receiver_of(site, rule, remote, stack)
            done = [(letter, _take(receiver, letter)) for letter in await reader.dead_letters(limit=limit)]
        await reader.remove_dead([letter.id for letter, error in done if not error])
    finally:
        await reader.close()
    return [{**_shown(letter), "error": error} for letter, error in done]


def _take(receiver: Receiver, letter: DeadLetter) -> str:
    try:
        receiver.take_again(letter.body)
    except DemitasseError as error:
        return error.message
    return ""


def _rule(site: Site, name: str) -> Rule:
    rule = reading(site, lambda tx: load_rule(site.documents, tx, name))
    if rule.pattern is not Pattern.BROKER:
        message = f"Sync Rule {name} has the pattern {rule.pattern.value}: only those that read from a broker have dead letters"
        raise SyncError(message, rule=name)
    return rule


def _shown(letter: DeadLetter) -> dict[str, Any]:
    try:
        message = decode(letter.body)
        about = ", ".join(document.name for document in message.documents)
        what = f"{message.doctype} {about or (message.tombstone.name if message.tombstone else '')}"
        reason = letter.reason
    except BrokenMessage as error:
        what, reason = letter.body[:_SHOWN].decode(errors="replace"), letter.reason or error.message
    return {"id": letter.id, "what": what, "reason": reason}
