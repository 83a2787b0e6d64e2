"""What runs changed on their targets, and how far the files of running ones are over"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("transfer_done", "transfer_total", "transfer_rate"):
        op.add_column("execution_targets", sa.Column(name, sa.BigInteger(), nullable=True))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "target_changes",
        sa.Column("target_id", number, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("rolled_back_by", number, nullable=True),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["target_id"], ["execution_targets.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("target_id"),
    )
