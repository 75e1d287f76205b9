"""What a colour was scanned from. Owns how the column is added and removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    op.add_column("colours", sa.Column("origin", sa.JSON(none_as_null=True)))


def downgrade() -> None:
    """Back: photos of saved scans are forgotten."""
    with op.batch_alter_table("colours") as colours:
        colours.drop_column("origin")
