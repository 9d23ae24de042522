"""The table of jobs that wait or run; what a job is and was stands in the document RQ Job."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

MAX_KEY_LENGTH = 255

JOB_QUEUE = TableSpec(
    name="job_queue",
    columns=(
        ColumnSpec(name="id", storage=Storage.INTEGER),
        ColumnSpec(name="job", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="queue", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="unique_key", storage=Storage.SHORT_TEXT, length=MAX_KEY_LENGTH),
        ColumnSpec(name="due_at", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="attempts", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="lease_until", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="lease_token", storage=Storage.INTEGER, nullable=False, default=0),
        ColumnSpec(name="lease_owner", storage=Storage.SHORT_TEXT),
    ),
    primary_key=("id",),
    autoincrement=True,
    indexes=(
        IndexSpec(columns=("queue", "due_at", "id")),
        IndexSpec(columns=("job",)),
        IndexSpec(columns=("unique_key",), unique=True),
    ),
)
"""Moments are microseconds since 1970, UTC."""

JOB_TABLES = (JOB_QUEUE,)
