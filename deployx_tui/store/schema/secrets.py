"""Credentials, their sealed versions, where each may go, and what the vault is locked with."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from deployx_tui.store.schema.base import Ms, id_column, metadata, partial_index

credentials = Table(
    "credentials",
    metadata,
    id_column(),
    Column("credential_name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("login", Text),
    Column("description", Text, nullable=False, server_default=""),
    Column("secret_version", Integer, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("owner_id", ForeignKey("users.id"), nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("updated_at", Ms, nullable=False),
    Column("rotated_at", Ms, nullable=False),
    Column("last_used_at", Ms),
    Column("deleted_at", Ms),  # its name stays for the audit; its secrets are gone
    partial_index("ux_credentials_name", "credential_name", where="deleted_at IS NULL", unique=True),
    sqlite_autoincrement=True,
)

#: what vault/envelope.py sealed; opens in its own row only
credential_secrets = Table(
    "credential_secrets",
    metadata,
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("field", Text, primary_key=True),  # value | passphrase
    Column("key_id", Text, nullable=False),  # of the master key
    Column("wrapped", LargeBinary, nullable=False),  # the data key
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Ms, nullable=False),
    Column("superseded_at", Ms),  # NULL: the present version
    sqlite_with_rowid=False,
)

credential_groups = Table(
    "credential_groups",
    metadata,
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    # no cascade: a credential that lost its groups would be bound to none, and go anywhere
    Column("group_id", ForeignKey("device_groups.id"), primary_key=True),
    Index("ix_credential_groups_group", "group_id", "credential_id"),
    sqlite_with_rowid=False,
)

device_credentials = Table(
    "device_credentials",
    metadata,
    Column("device_id", ForeignKey("devices.id", ondelete="CASCADE"), primary_key=True),
    Column("credential_id", ForeignKey("credentials.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_device_credentials_credential", "credential_id", "device_id"),
    sqlite_with_rowid=False,
)

#: one row, made with the first secret: which master key opens them
vault = Table(
    "vault",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("check_value", LargeBinary, nullable=False),  # opens under the right key alone
    Column("salt", LargeBinary),  # of a passphrase; NULL: the key is no passphrase's
    Column("made_at", Ms, nullable=False),
    CheckConstraint("id = 1", name="one_vault"),
)
