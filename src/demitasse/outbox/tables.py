"""The tables of what is still to do; what was done stands in the documents Webhook Delivery and Webhook Request Log."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

_ORDER_KEY_LENGTH = 255  # A DocType's name, a slash and a document's name.

OUTBOX = TableSpec(
    name="outbox",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="delivery", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="channel", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="order_key", storage=Storage.SHORT_TEXT, length=_ORDER_KEY_LENGTH),
        ColumnSpec(name="held", storage=Storage.SMALL_INTEGER, nullable=False, default=0),
        ColumnSpec(name="retry", storage=Storage.SMALL_INTEGER, nullable=False, default=0),
        ColumnSpec(name="due_at", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="attempts", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="round_started_at", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="failing_since", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="lease_until", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="lease_token", storage=Storage.INTEGER, nullable=False, default=0),
    ),
    primary_key=("id",),
    autoincrement=True,
    indexes=(
        IndexSpec(columns=("channel", "held", "retry", "due_at", "id")),
        IndexSpec(columns=("channel", "order_key", "id"), where_set="order_key"),
    ),
)
"""One row for each delivery that is not finished. Moments are microseconds since 1970, UTC; ``channel`` is the webhook."""

DOCUMENT_SEQUENCE = TableSpec(
    name="document_sequence",
    columns=(
        ColumnSpec(name="doctype", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="name", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="value", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("doctype", "name"),
    is_small=True,
)

ENDPOINT_FAILURES = TableSpec(
    name="endpoint_failures",
    columns=(
        ColumnSpec(name="channel", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="since", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="failures", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("channel",),
)
"""Endpoints whose attempts have all failed since a moment; a success takes the row away."""

OUTBOX_TABLES = (OUTBOX, DOCUMENT_SEQUENCE, ENDPOINT_FAILURES)
