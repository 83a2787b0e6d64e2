"""What devices told of themselves"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_facts",
        sa.Column("device_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.Column("kernel", sa.Text(), nullable=True),
        sa.Column("kernel_release", sa.Text(), nullable=True),
        sa.Column("os_id", sa.Text(), nullable=True),
        sa.Column("os_like", sa.Text(), server_default="", nullable=False),
        sa.Column("os_version", sa.Text(), nullable=True),
        sa.Column("os_name", sa.Text(), nullable=True),
        sa.Column("arch", sa.Text(), nullable=True),
        sa.Column("login_shell", sa.Text(), nullable=True),
        sa.Column("sh", sa.Text(), nullable=True),
        sa.Column("boot_id", sa.Text(), nullable=True),
        sa.Column("cpus", sa.Integer(), nullable=True),
        sa.Column("memory", sa.BigInteger(), nullable=True),
        sa.Column("root_total", sa.BigInteger(), nullable=True),
        sa.Column("root_free", sa.BigInteger(), nullable=True),
        sa.Column("temporary_folder", sa.Text(), nullable=True),
        sa.Column("temporary_total", sa.BigInteger(), nullable=True),
        sa.Column("temporary_free", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device_id"),
        sqlite_with_rowid=False,
    )
