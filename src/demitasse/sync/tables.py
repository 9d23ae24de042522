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

SYNC_TABLES = (SYNC_MARK, SYNC_IDENTITY)
