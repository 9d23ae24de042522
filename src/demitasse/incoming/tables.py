"""What is remembered of incoming requests. Moments are seconds since 1970, UTC."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

MAX_KEY_LENGTH = 255

INCOMING_SEEN = TableSpec(
    name="incoming_seen",
    columns=(
        ColumnSpec(name="source", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="id", storage=Storage.SHORT_TEXT, length=MAX_KEY_LENGTH),
        ColumnSpec(name="seen_at", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="expires_at", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("source", "id"),
    indexes=(IndexSpec(columns=("expires_at",)),),
)
"""Signed messages that were taken; ``source`` is the endpoint and the sender's scheme."""

IDEMPOTENCY = TableSpec(
    name="idempotency",
    columns=(
        ColumnSpec(name="scope", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="key", storage=Storage.SHORT_TEXT, length=MAX_KEY_LENGTH),
        ColumnSpec(name="request_hash", storage=Storage.SHORT_TEXT, length=64, nullable=False),
        ColumnSpec(name="state", storage=Storage.SMALL_INTEGER, nullable=False),
        ColumnSpec(name="status", storage=Storage.INTEGER),
        ColumnSpec(name="answer", storage=Storage.LONG_TEXT),
        ColumnSpec(name="created_at", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("scope", "key"),
    indexes=(IndexSpec(columns=("created_at",)),),
)
"""Keys under which requests were answered, with the answers; ``scope`` is the endpoint and who called it."""

INCOMING_TABLES = (INCOMING_SEEN, IDEMPOTENCY)
