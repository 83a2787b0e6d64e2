"""The device through which another is reached"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # in one statement: SQLite adds a column with its reference, but no reference to a column
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite").compile(dialect=op.get_bind().dialect)
    op.execute(f"ALTER TABLE devices ADD COLUMN jump_id {kind} REFERENCES devices (id)")
