"""The first tables: families, colours, uploads, scans and the catalog's counter. Owns how they are made and removed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    _counter()
    _families()
    _colours()
    for name, what in (("uploads", sa.Column("key", sa.Text(), nullable=False)), ("scans", _json("manifest"))):
        id = sa.Column("id", sa.String(32), primary_key=True)
        op.create_table(name, id, what, _time("created"), _time("expires"))
        op.create_index(f"ix_{name}_expires", name, ["expires"])


def downgrade() -> None:
    """Back: everything in the catalog is lost."""
    for name in ("scans", "uploads", "colours", "families", "catalog"):
        op.drop_table(name)


def _counter() -> None:
    op.create_table(
        "catalog",
        sa.Column("id", sa.Integer(), primary_key=True),
        _int("revision"),
        sa.Column("seeded", sa.DateTime(timezone=True)),
    )
    op.execute("INSERT INTO catalog (id, revision) VALUES (1, 0)")


def _families() -> None:
    op.create_table(
        "families",
        sa.Column("id", sa.String(64), primary_key=True),
        *(_int("position"), _string("name", 80), _string("name_key", 160), _string("use", 16)),
        *(_text("description"), _string("status", 16), _text("composition"), _int("weight_g_m2"), _json("draft")),
        *(_int("revision"), _time("created"), _time("updated")),
        sa.UniqueConstraint("name_key"),
    )
    op.create_index("ix_families_revision", "families", ["revision"])


def _colours() -> None:
    figures = ("width_mm", "height_mm", "roughness", "metalness", "sheen")
    op.create_table(
        "colours",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("family_id", sa.String(64), sa.ForeignKey("families.id"), nullable=False),
        *(_int("position"), _string("name", 80), _string("name_key", 160), _text("code"), _text("mill")),
        *(_string("status", 16), sa.Column("composition", sa.Text()), sa.Column("weight_g_m2", sa.Integer())),
        *(_string("colour", 7), _string("mean_hex", 7), _json("tags")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in figures),
        *(sa.Column(name, sa.JSON()) for name in ("draft", "maps")),
        *(sa.Column(name, sa.Double()) for name in ("height_low_mm", "height_high_mm")),
        sa.Column("swatch_key", sa.Text()),
        *(_int("revision"), _time("created"), _time("updated")),
        sa.UniqueConstraint("family_id", "name_key"),
    )
    for column in ("revision", "status", "code"):
        op.create_index(f"ix_colours_{column}", "colours", [column])


def _int(name: str) -> sa.Column:
    return sa.Column(name, sa.Integer(), nullable=False)


def _text(name: str) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=False)


def _string(name: str, length: int) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=False)


def _json(name: str) -> sa.Column:
    return sa.Column(name, sa.JSON(), nullable=False)


def _time(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)
