"""What a webhook sends: a JSON template, chosen fields, or the whole document; rendered once, to the bytes that are sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from demitasse.events.errors import BodyTooLarge, ContentError
from demitasse.events.form_body import encode_form
from demitasse.events.javascript_json import canonical
from demitasse.events.json_template import compile_json
from demitasse.events.view import DocumentView
from demitasse.events.wire import Dates, wire_value

MAX_BODY_BYTES = 1_048_576
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"

Scope = Mapping[str, object]


class Structure(Enum):
    """The request structure of a webhook, by the options of Frappe's field."""

    UNSET = ""
    JSON = "JSON"
    FORM = "Form URL-Encoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """One field of the document, and the name under which it is sent."""

    field: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedBody:
    """The bytes to store, sign and send, and what they are."""

    content: bytes
    content_type: str


class Body:
    """A compiled body; it may be rendered from several threads at once."""

    __slots__ = ("_max_bytes", "_write", "content_type")

    def __init__(self, write: Callable[[Scope], bytes], *, content_type: str, max_bytes: int) -> None:
        self._write = write
        self._max_bytes = max_bytes
        self.content_type = content_type

    def render(self, scope: Scope) -> RenderedBody:
        """Return the body for a scope (see ``scope.event_scope``).

        Raises:
            ContentError: a template fails, a field is unknown, a value has no JSON form, or the body is too large.
        """
        content = self._write(scope)
        if len(content) > self._max_bytes:
            message = (
                f"The body has {len(content)} bytes; at most {self._max_bytes} are allowed. Send fewer fields or rows."
            )
            raise BodyTooLarge(message, size=len(content), limit=self._max_bytes)
        return RenderedBody(content=content, content_type=self.content_type)


def compile_body(
    template: str | None = None,
    *,
    rows: Sequence[FieldRow] = (),
    structure: Structure = Structure.UNSET,
    max_bytes: int = MAX_BODY_BYTES,
) -> Body:
    """Compile the body of a webhook.

    A form has field rows only. JSON comes of the template or the rows; where both are given, of the template if the
    structure is ``JSON``, else of the rows. With neither, the body is the document itself as JSON.

    Raises:
        TemplateError: the template cannot be used.
    """
    has_template = bool(template and template.strip()) and structure is not Structure.FORM
    if template and has_template and (structure is Structure.JSON or not rows):
        write: Callable[[Scope], bytes] = compile_json(template, max_length=max_bytes).render
    elif rows and structure is Structure.FORM:
        return Body(_form_of(tuple(rows)), content_type=FORM_TYPE, max_bytes=max_bytes)
    else:
        write = _object_of(tuple(rows)) if rows else _document
    return Body(write, content_type=JSON_TYPE, max_bytes=max_bytes)


def _form_of(rows: tuple[FieldRow, ...]) -> Callable[[Scope], bytes]:
    def write(scope: Scope) -> bytes:
        doc = _doc(scope)
        return encode_form((row.key, doc[row.field]) for row in rows)

    return write


def _object_of(rows: tuple[FieldRow, ...]) -> Callable[[Scope], bytes]:
    def write(scope: Scope) -> bytes:
        doc = _doc(scope)
        return canonical({row.key: wire_value(doc[row.field], dates=Dates.FRAPPE) for row in rows})

    return write


def _document(scope: Scope) -> bytes:
    return canonical(wire_value(_doc(scope), dates=Dates.FRAPPE))


def _doc(scope: Scope) -> DocumentView:
    doc = scope["doc"]
    if not isinstance(doc, DocumentView):
        message = "There is no document to send"
        raise ContentError(message)
    return doc
