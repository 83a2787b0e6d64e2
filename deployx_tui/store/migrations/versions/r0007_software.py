"""Packages, and what devices have of them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    id_type = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "packages",
        sa.Column("id", id_type, autoincrement=True, nullable=False),
        sa.Column("package_name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("is_active", sa.Integer(), server_default="1", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("owner_id", id_type, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    alive = sa.text("deleted_at IS NULL")
    op.create_index(
        "ux_packages_name", "packages", ["package_name"], unique=True, sqlite_where=alive, postgresql_where=alive
    )
    op.create_table(
        "installed_packages",
        sa.Column("device_id", id_type, nullable=False),
        sa.Column("package_name", sa.Text(), nullable=False),
        sa.Column("installer", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device_id", "package_name"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_installed_packages_name", "installed_packages", ["package_name", "device_id"], unique=False)
