"""The tables of credentials; they are no DocTypes, so that no API can read them."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

API_KEY = TableSpec(
    name="api_key",
    columns=(
        ColumnSpec(name="api_key", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="user", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="secret_hash", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="created_at", storage=Storage.DATETIME, nullable=False),
        ColumnSpec(name="label", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="last_used_at", storage=Storage.DATETIME),
        ColumnSpec(name="expires_at", storage=Storage.DATETIME),
    ),
    primary_key=("api_key",),
    indexes=(IndexSpec(columns=("user",)),),
)
PASSWORD = TableSpec(
    name="user_password",
    columns=(
        ColumnSpec(name="user", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="hash", storage=Storage.LONG_TEXT, nullable=False),
    ),
    primary_key=("user",),
)
SESSION = TableSpec(
    name="session",
    columns=(
        ColumnSpec(name="sid_hash", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="user", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="csrf_token", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="created_at", storage=Storage.DATETIME, nullable=False),
        ColumnSpec(name="seen_at", storage=Storage.DATETIME, nullable=False),
        ColumnSpec(name="expires_at", storage=Storage.DATETIME, nullable=False),
    ),
    primary_key=("sid_hash",),
    indexes=(IndexSpec(columns=("user",)), IndexSpec(columns=("expires_at",))),
)
CREDENTIAL_TABLES = (API_KEY, PASSWORD, SESSION)
