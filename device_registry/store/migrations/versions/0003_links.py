"""How a gateway reaches what it measures: buses, unit numbers, topics, names in a profile.

Frozen: this is what was, whatever `device_registry.kinds` says today.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = (("gateway", "links"), ("sensor", "link"), ("point", "source"))


def upgrade() -> None:
    """Add the columns."""
    for table, column in COLUMNS:
        op.add_column(table, sa.Column(column, _TEXT))
