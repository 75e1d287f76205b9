"""How large a scan is, and when somebody looked at it last. Owns how the columns are added and removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward. How large those are that are there already is not known; they are gone in a day."""
    op.add_column("scans", sa.Column("bytes", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("scans", sa.Column("seen", sa.DateTime(timezone=True)))
    op.execute("UPDATE scans SET seen = created")
    with op.batch_alter_table("scans") as scans:
        scans.alter_column("seen", existing_type=sa.DateTime(timezone=True), nullable=False)
        scans.alter_column("bytes", existing_type=sa.BigInteger(), existing_nullable=False, server_default=None)


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table("scans") as scans:
        scans.drop_column("seen")
        scans.drop_column("bytes")
