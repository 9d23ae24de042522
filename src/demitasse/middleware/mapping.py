"""The mapping: which routes become which calls, and which webhooks become which messages. Values and rules only."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Path = Annotated[str, Meta(pattern=r"^/[A-Za-z0-9/_.\-]+$")]
Name = Annotated[str, Meta(min_length=1, max_length=140)]
Topic = Annotated[str, Meta(min_length=1, max_length=140)]


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file; what it does not know is refused."""


class Value(Strict, frozen=True, kw_only=True, rename={"source": "from"}):
    """What a phone sends under one name.

    Args:
        source: The name in the phone's JSON.
        above: The number must be greater.
        at_least: The number must not be smaller.
        max_length: Of a text.
        default: Stands in when nothing is sent.
    """

    source: Name
    type: Literal["text", "number", "whole", "date", "flag"] = "text"
    required: bool = False
    above: float | None = None
    at_least: float | None = None
    max_length: Annotated[int, Meta(ge=1)] = 140
    default: str | int | float | bool | None = None


class Rows(Strict, frozen=True, kw_only=True, rename={"source": "from"}):
    """What a phone sends as a list of objects: the rows of a child table."""

    source: Name
    fields: dict[Name, Value]
    at_most: Annotated[int, Meta(ge=1)] = 200


class ListRoute(Strict, frozen=True, kw_only=True):
    """``GET``: all documents of a DocType that pass the filters, from a cache.

    Args:
        answer: The key that the list stands under.
        cache_s: How long an answer is fresh; webhooks end it earlier.
    """

    path: Path
    answer: Name
    doctype: Name
    fields: Annotated[list[Name], Meta(min_length=1)]
    filters: list[Annotated[list[Any], Meta(min_length=3, max_length=4)]] = []
    order_by: Name = "name asc"
    cache_s: Annotated[float, Meta(ge=0)] = 60.0


class CreateRoute(Strict, frozen=True, kw_only=True):
    """``POST``: a document of what the phone sends, made once for each key.

    Args:
        set: Values that the phone has no say in; a text ``today`` or ``today+3`` is that day.
        answer: Keys of the answer, and the fields of the document whose values stand there.
        reference: The document's field that keeps the order's key: how one that got no answer is found again.
        reference_from: Where the phone may put its own id of the order, beside the header ``Idempotency-Key``.
    """

    path: Path
    doctype: Name
    answer: dict[Name, Name]
    submit: bool = False
    set: dict[Name, str | int | float | bool] = {}
    fields: dict[Name, Value] = {}
    rows: dict[Name, Rows] = {}
    reference: Name | None = None
    reference_from: list[Name] = []


class CallRoute(Strict, frozen=True, kw_only=True):
    """A whitelisted function of the site; ``GET`` for those that change nothing."""

    path: Path
    function: Annotated[str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$")]
    answer: Name
    method: Literal["GET", "POST"] = "GET"
    arguments: dict[Name, Value] = {}


class Push(Strict, frozen=True, kw_only=True):
    """What a webhook tells the phones.

    Args:
        type: Of the message; also what ``?type=`` in the webhook's URL may name.
        needs: Keys that a webhook's body must have to be this.
        where: Values that these keys must have where they are there.
        fields: Keys that go to the phones.
        identity: Keys whose values say which document it is: of each, the newest counts.
        topics: What phones subscribe to; ``{item_code}`` stands for that value of the body.
        key: Whose value names the state that the message is: for a slow phone the newest one of each counts.
        invalidates: Paths of lists that are read anew.
    """

    type: Name
    needs: Annotated[list[Name], Meta(min_length=1)]
    where: dict[Name, str | int | float | bool] = {}
    fields: list[Name]
    identity: Annotated[list[Name], Meta(min_length=1)]
    topics: Annotated[list[Topic], Meta(min_length=1)]
    key: Name | None = None
    invalidates: list[Path] = []


class Mapping(
    Strict, frozen=True, kw_only=True, rename={"lists": "list", "creates": "create", "calls": "call", "pushes": "push"}
):
    """A mapping file.

    Args:
        time_zone: The shop's: which day ``today`` is.
        webhook: Where the site posts its webhooks.
    """

    version: Literal[1]
    time_zone: Name = "UTC"
    webhook: Path = "/webhooks/erpnext"
    lists: list[ListRoute] = []
    creates: list[CreateRoute] = []
    calls: list[CallRoute] = []
    pushes: list[Push] = []
