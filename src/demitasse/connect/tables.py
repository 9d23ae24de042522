"""What is kept of connections beside their Token Cache. Moments are seconds since 1970, UTC."""

from demitasse.db.schema import ColumnSpec, IndexSpec, TableSpec
from demitasse.doctypes.field_types import Storage

FLOWS = TableSpec(
    name="connect_flow",
    columns=(
        ColumnSpec(name="state_hash", storage=Storage.SHORT_TEXT, length=64),
        ColumnSpec(name="app", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="user", storage=Storage.SHORT_TEXT, nullable=False),
        ColumnSpec(name="session", storage=Storage.SHORT_TEXT, length=64, nullable=False),
        ColumnSpec(name="sealed", storage=Storage.LONG_TEXT, nullable=False),
        ColumnSpec(name="redirect_uri", storage=Storage.LONG_TEXT, nullable=False),
        ColumnSpec(name="success_uri", storage=Storage.LONG_TEXT, nullable=False),
        ColumnSpec(name="scopes", storage=Storage.LONG_TEXT, nullable=False),
        ColumnSpec(name="created_at", storage=Storage.FLOAT, nullable=False),
        ColumnSpec(name="expires_at", storage=Storage.FLOAT, nullable=False),
    ),
    primary_key=("state_hash",),
    indexes=(IndexSpec(columns=("expires_at",)), IndexSpec(columns=("user", "app"))),
)
"""Authorisations under way: ``state`` only as its hash, PKCE's secret and the nonce encrypted in ``sealed``."""

GRANTS = TableSpec(
    name="connect_grant",
    columns=(
        ColumnSpec(name="token", storage=Storage.SHORT_TEXT),
        ColumnSpec(name="grant_id", storage=Storage.SHORT_TEXT, length=40, nullable=False),
        ColumnSpec(name="generation", storage=Storage.INTEGER, nullable=False),
        ColumnSpec(name="state", storage=Storage.SMALL_INTEGER, nullable=False),
        ColumnSpec(name="issued_at", storage=Storage.FLOAT, nullable=False),
        ColumnSpec(name="expires_in", storage=Storage.FLOAT),
        ColumnSpec(name="asked", storage=Storage.LONG_TEXT, nullable=False),
        ColumnSpec(name="account", storage=Storage.LONG_TEXT),
        ColumnSpec(name="subject", storage=Storage.LONG_TEXT),
        ColumnSpec(name="connected_at", storage=Storage.FLOAT),
        ColumnSpec(name="refreshed_at", storage=Storage.FLOAT),
        ColumnSpec(name="error", storage=Storage.LONG_TEXT),
        ColumnSpec(name="failed_at", storage=Storage.FLOAT),
    ),
    primary_key=("token",),
)
"""The state of each Token Cache (``token`` is its name), which Frappe's fields have no place for."""

CONNECT_TABLES = (FLOWS, GRANTS)

LEDGER_TABLES = (
    TableSpec(
        name="connect_refresh",
        columns=(
            ColumnSpec(name="token", storage=Storage.SHORT_TEXT),
            ColumnSpec(name="owner", storage=Storage.SHORT_TEXT, length=40),
            ColumnSpec(name="leased_until", storage=Storage.FLOAT, nullable=False, default=0),
            ColumnSpec(name="grant_id", storage=Storage.SHORT_TEXT, length=40),
            ColumnSpec(name="generation", storage=Storage.INTEGER, nullable=False, default=0),
            ColumnSpec(name="sealed", storage=Storage.LONG_TEXT),
            ColumnSpec(name="failed_at", storage=Storage.FLOAT),
            ColumnSpec(name="failure", storage=Storage.LONG_TEXT),
        ),
        primary_key=("token",),
    ),
)
"""The ledger of refreshes (docs/decisions/0008): who refreshes now, and what was refreshed and is not in its document yet."""
