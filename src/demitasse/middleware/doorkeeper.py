"""Who may connect for live push, and what they may hear: fills the port of ``live``."""

import re
from collections.abc import Mapping as Facts
from typing import Any

from demitasse.kernel.clock import monotonic_s
from demitasse.live.errors import ForbiddenOrigin, NotAdmitted, SubscriptionRefused
from demitasse.live.model import Entry, Subject
from demitasse.live.ports import Knock
from demitasse.live.tickets import Tickets
from demitasse.middleware.admission import Admission
from demitasse.middleware.errors import Refusal
from demitasse.middleware.mapping import Mapping
from demitasse.middleware.mapping_rules import PLACEHOLDER
from demitasse.middleware.model import LOCAL, Device


class Doorkeeper:
    """Admits phones by their device tokens.

    Args:
        tickets: For browsers with server-sent events, which can send no token.
    """

    def __init__(self, mapping: Mapping, *, admission: Admission, tickets: Tickets) -> None:
        self._admission = admission
        self._tickets = tickets
        topics = {topic for push in mapping.pushes for topic in push.topics}
        self._known = re.compile("|".join(_pattern(topic) for topic in sorted(topics)) or r"(?!)")
        self._named = ", ".join(sorted(topics))

    async def admit(self, knock: Knock) -> Subject | None:
        """Return who a token in the header, or a ticket in the URL, stands for."""
        ticket = knock.query.get("ticket")
        if ticket:
            subject = self._tickets.redeem(ticket[-1], now_s=monotonic_s())
            if subject is None:
                message = "The ticket was used, or is too old: ask for another"
                raise NotAdmitted(message)
            return subject
        try:
            return subject_of(self._admission.device(knock.headers))
        except Refusal as refusal:
            if refusal.status != 401:  # noqa: PLR2004 - a page of elsewhere, or a proxy
                raise ForbiddenOrigin(refusal.message) from refusal
            if "authorization" in knock.headers:
                raise NotAdmitted(refusal.message) from refusal
            return None

    async def admit_by(self, credentials: Facts[str, Any], knock: Knock) -> Subject:
        """Return who the token of the first message stands for."""
        token = credentials.get("token")
        try:
            return subject_of(self._admission.device(knock.headers, token=token if isinstance(token, str) else ""))
        except Refusal as refusal:
            raise NotAdmitted(refusal.message) from refusal

    async def renew(self, subject: Subject) -> Subject:
        """Return the subject while its token is not revoked."""
        device = subject.actor
        if isinstance(device, Device) and not self._admission.is_active(device):
            message = "The device token was revoked"
            raise NotAdmitted(message)
        return subject

    async def check_topic(self, subject: Subject, topic: str) -> None:
        """Return if the mapping knows the topic, or it is the phone's own."""
        if topic == own_topic(subject) or self._known.fullmatch(topic):
            return
        message = f"There is no topic {topic!r} here for you: take one of {self._named}, {own_topic(subject)}"
        raise SubscriptionRefused(message, topic=topic)

    def may_receive(self, subject: Subject, entry: Entry) -> bool:
        """Return whether the entry is for everybody, or for this phone."""
        return entry.about is None or entry.about.get("device") == subject.identity


def subject_of(device: Device | None) -> Subject:
    """Return a device as live push knows it."""
    return Subject(identity=device.id if device else LOCAL, actor=device)


def own_topic(subject: Subject) -> str:
    """Return the topic that tells one phone what became of its orders."""
    return f"orders:{subject.identity}"


def _pattern(topic: str) -> str:
    """Return what matches a topic with anything in place of its placeholders."""
    parts = PLACEHOLDER.split(topic)
    return "".join(re.escape(part) if index % 2 == 0 else ".+" for index, part in enumerate(parts))
