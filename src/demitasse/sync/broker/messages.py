"""Messages of the broker pattern: what a push tells, with its place in the stream. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from demitasse.kernel import json
from demitasse.sync import envelope
from demitasse.sync.errors import RefusedPush, SyncError
from demitasse.sync.model import RemoteDocument, Tombstone


class BrokenMessage(SyncError):
    """A message is not one of ours, not whole, or not meant for this rule."""

    code = "broken_message"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMessage:
    """One change of a document on its way: as it was when it was sent, or that it is gone.

    Args:
        id: Grows with every message of a stream.
        previous: The id of the message before it.
        site: The id of the site that publishes.
    """

    id: int
    previous: int
    site: str
    doctype: str
    documents: Sequence[RemoteDocument] = ()
    tombstone: Tombstone | None = None


def encode(push: bytes, *, identifier: int, previous: int) -> bytes:
    """Return what `envelope` tells of a document as a message."""
    return b'{"id":%d,"previous":%d,"push":%b}' % (identifier, previous, push)


def decode(body: bytes) -> StreamMessage:
    """Return the message that a body holds.

    Raises:
        BrokenMessage: it holds none.
    """
    try:
        told = json.decode(body)
        push = envelope.checked(told["push"])
        message = StreamMessage(
            id=int(told["id"]),
            previous=int(told["previous"]),
            site=push["site"],
            doctype=str(push["doctype"]),
            documents=envelope.documents_told(push),
            tombstone=envelope.tombstone_told(push),
        )
    except (json.MalformedJson, RefusedPush) as error:
        text = f"The message cannot be read: {error.message}"
        raise BrokenMessage(text) from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = f"The message is not one of a Demitasse site: {error!r}"
        raise BrokenMessage(text) from error
    if not message.documents and message.tombstone is None:
        text = "The message tells neither of a document nor that one is gone"
        raise BrokenMessage(text)
    return message
