"""Who may connect to a site's live push, and what they may hear."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from demitasse.auth.errors import InvalidCsrfToken, NotAuthenticated, NotPermitted
from demitasse.auth.model import Actor, Reach, reach
from demitasse.db.errors import QueryInterrupted
from demitasse.db.transaction import Transaction
from demitasse.doctypes.errors import UnknownDocType
from demitasse.doctypes.model import DocType
from demitasse.documents import store
from demitasse.documents.access import check_doctype, check_record
from demitasse.documents.errors import DocumentNotFound
from demitasse.live.errors import ForbiddenOrigin, NotAdmitted, SubscriptionRefused
from demitasse.live.model import Entry, Subject
from demitasse.live.ports import Knock
from demitasse.web.cookies import sid_of
from demitasse.web.services import WebServices
from demitasse.web.visitors import check_origin, identify

_MANAGER = "System Manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who is connected, with what proves it: it is asked for again when rights change."""

    actor: Actor
    credentials: Mapping[str, str] = field(repr=False)


class SiteDoorkeeper:
    """Admits by API key, by a session's cookie, or by a ticket; lets hear what may be read.

    Args:
        redeem: Returns who a ticket was given to.
    """

    def __init__(self, services: WebServices) -> None:
        self._services = services
        self._documents = services.site.documents
        self.redeem: Callable[[str], Subject] | None = None

    async def admit(self, knock: Knock) -> Subject | None:
        """Return who the headers, a cookie or a ticket stand for; ``None`` where there is nothing of it."""
        tickets = knock.query.get("ticket")
        if tickets and self.redeem is not None:
            return self.redeem(tickets[0])
        if "authorization" in knock.headers:
            return await self._subject({"authorization": knock.headers["authorization"]})
        if sid_of(knock.headers.get("cookie")) is None:
            return None
        try:
            check_origin(self._services.site.settings, knock.headers)
        except InvalidCsrfToken as error:
            raise ForbiddenOrigin(error.message) from error
        return await self._subject({"cookie": knock.headers["cookie"]})

    async def admit_by(self, credentials: Mapping[str, Any], _knock: Knock) -> Subject:
        """Return who a message stands for: ``authorization`` as in the header, or ``token`` (key:secret), or ``ticket``."""
        match credentials:
            case {"ticket": str(ticket)} if self.redeem is not None:
                return self.redeem(ticket)
            case {"authorization": str(header)}:
                return await self._subject({"authorization": header})
            case {"token": str(token)}:
                return await self._subject({"authorization": f"token {token}"})
            case _:
                pass
        message = 'Send {"type": "auth", "token": "<api key>:<api secret>"}'
        raise NotAdmitted(message)

    async def renew(self, subject: Subject) -> Subject:
        """Return the subject with the rights it has now."""
        return await self._subject(subject.actor.credentials, is_use=False)

    async def check_topic(self, subject: Subject, topic: str) -> None:
        """Return if the subject may hear the topic."""
        actor: Actor = subject.actor.actor
        kind, _, rest = topic.partition(":")
        if kind == "user" and rest:
            is_allowed = rest == actor.user or actor.is_administrator
        elif topic == "deliveries":
            is_allowed = actor.is_administrator or _MANAGER in actor.roles
        elif topic == "all" or (kind == "task_progress" and rest):
            is_allowed = True  # everybody who is logged in; the id of a task is known to who started it
        elif kind in {"doctype", "doc"} and rest:
            await self._check_documents(kind, rest, actor)
            return
        else:
            message = (
                f"There is no topic {topic!r}: use doctype:<DocType>, doc:<DocType>/<name>, user:<user> or deliveries"
            )
            raise SubscriptionRefused(message)
        if not is_allowed:
            message = f"{actor.user} may not hear {topic}"
            raise SubscriptionRefused(message)

    def may_receive(self, subject: Subject, entry: Entry) -> bool:
        """Return whether the subject may read the document that the entry is about."""
        about = entry.about
        if about is None:
            return True
        actor: Actor = subject.actor.actor
        try:
            doctype = self._documents.registry.get(about["doctype"])
        except UnknownDocType:
            return False
        found, owner = reach(doctype, "read", actor), about.get("owner")
        if found is Reach.NONE or (found is Reach.OWN and owner is not None and owner != actor.user):
            return False
        must_look = about.get("has_rules") or (found is Reach.OWN and owner is None)
        return not must_look or self._reads(doctype, about.get("name"), actor)

    def _reads(self, doctype: DocType, name: str | None, actor: Actor) -> bool:
        """Return whether the actor may read a stored document; what cannot be told quickly is no."""
        if not name:
            return False

        def look(tx: Transaction) -> bool:
            record = store.find(self._documents, tx, doctype, name)
            if record is None:
                return False
            check_record(self._documents, tx, record, "read", actor=actor)
            return True

        try:
            return self._services.lanes.read_now(look)
        except (NotPermitted, QueryInterrupted):
            return False

    async def _check_documents(self, kind: str, rest: str, actor: Actor) -> None:
        name, _, document = rest.partition("/")
        try:
            doctype = self._documents.registry.get(name)
            check_doctype(doctype, "read", actor)
            if kind == "doc":
                await self._services.lanes.read(lambda tx: self._check_document(tx, doctype, document, actor))
        except (UnknownDocType, DocumentNotFound, NotPermitted) as error:
            raise SubscriptionRefused(error.message) from error

    def _check_document(self, tx: Transaction, doctype: DocType, name: str, actor: Actor) -> None:
        if doctype.is_single:
            record = store.load_single(self._documents, tx, doctype)
        else:
            record = store.load(self._documents, tx, doctype, name)
        check_record(self._documents, tx, record, "read", actor=actor)

    async def _subject(self, credentials: Mapping[str, str], *, is_use: bool = True) -> Subject:
        try:
            actor = (await identify(self._services, credentials, is_use=is_use)).actor
        except NotAuthenticated as error:
            raise NotAdmitted(error.message) from error
        if actor.is_guest:
            message = "Your session has ended, or your credentials are none: log in, or send an API key"
            raise NotAdmitted(message)
        return Subject(identity=actor.user, actor=Visitor(actor=actor, credentials=credentials))
