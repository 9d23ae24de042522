"""The tables of sync that are no documents."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

SYNC_MARK = TableSpec(
    name="sync_mark",
    columns=(
        ColumnSpec(name="site", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="doctype", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="remote_name", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="local_doctype", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="local_name", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="remote_modified", storage=Storage.SHORT_TEXT, length=32, nullable=False),
        ColumnSpec(name="local_modified", storage=Storage.SHORT_TEXT, length=32, nullable=False),
        ColumnSpec(name="version_site", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="version_stamp", storage=Storage.SHORT_TEXT, length=32, nullable=False),
        ColumnSpec(name="sequence", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="is_deleted", storage=Storage.SMALL_INTEGER, nullable=False, default=0),
    ),
    primary_key=("site", "doctype", "remote_name"),
    indexes=(IndexSpec(columns=("local_doctype", "local_name")),),
)
"""Where each document that was taken over came from, and in which state both copies were then. ``site`` is the Remote
Site's name here. A row stays when its document is deleted, so that a late push does not bring it back."""

SYNC_IDENTITY = TableSpec(
    name="sync_identity",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="site_id", storage=Storage.SHORT_TEXT, nullable=False),
    ),
    primary_key=("id",),
)
"""One row: the id by which other sites know the edits that were made here."""

SYNC_STREAM_OUTBOX = TableSpec(
    name="sync_stream_outbox",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="doctype", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="name", storage=Storage.SHORT_TEXT, nullable=False),
    ),
    primary_key=("id",),
    autoincrement=True,
    indexes=(IndexSpec(columns=("doctype", "id")),),
)
"""Documents that have changed and are to be published, written with the change. A row is gone when every stream of its
DocType has it."""

SYNC_STREAM_SENT = TableSpec(
    name="sync_stream_sent",
    columns=(
        ColumnSpec(name="stream", storage=Storage.SHORT_TEXT, length=255),
        ColumnSpec(name="last", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="previous", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("stream",),
)
"""How far each stream has come: the last row of the outbox that was looked at, and the last message that the broker has."""

SYNC_STREAM_SEEN = TableSpec(
    name="sync_stream_seen",
    columns=(
        ColumnSpec(name="sync_rule", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="last", storage=Storage.INTEGER, nullable=False),
    ),
    primary_key=("sync_rule",),
)
"""The message up to which a rule has taken all; written with what they change."""

SYNC_TABLES = (SYNC_MARK, SYNC_IDENTITY, SYNC_STREAM_OUTBOX, SYNC_STREAM_SENT, SYNC_STREAM_SEEN)
