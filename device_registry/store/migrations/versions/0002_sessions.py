"""Log-ins: sessions, attempts, codes by SMS, shared stations, identities at providers.

Frozen: this is what was, whatever `device_registry.accounts.tables` says today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger()
TABLES = {
    "login_session": (
        "id:key account:text method:text is_strong:int made_ms:int seen_ms:int proven_ms:int "
        "csrf:text device:text station:text"
    ),
    "login_attempt": "login:key failures:int last_ms:int totp_step:int",
    "sms_sending": "phone:key code_hash:text tries:int sent_ms:text",
    "station": "id:key site:text label:text made_by:text made_ms:int ended_ms:int?",
}


def upgrade() -> None:
    """Make the tables."""
    for name, columns in TABLES.items():
        op.create_table(name, *map(_column, columns.split()))
    op.create_index("login_session_by_account", "login_session", ["account"])
    op.add_column("account", sa.Column("external_id", _TEXT))
    current = sa.text("valid_to_ms IS NULL")
    op.create_index(
        "account_by_external_id",
        "account",
        ["external_id"],
        sqlite_where=current,
        postgresql_where=current,
    )


def _column(text: str) -> sa.Column[object]:
    name, _, type_ = text.partition(":")
    return sa.Column(
        name,
        _NUMBER if type_.startswith("int") else _TEXT,
        primary_key=type_ == "key",
        nullable=type_.endswith("?"),
    )
