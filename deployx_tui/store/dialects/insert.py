"""INSERT that leaves an existing row alone."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT ... ON CONFLICT DO NOTHING: a row that breaks a uniqueness rule is not written, and not returned."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, key: list[str]) -> sqlite.Insert | postgresql.Insert:
    """INSERT that overwrites every other column of a row with the same `key`."""
    others = [column.name for column in table.columns if column.name not in key]
    if connection.dialect.name == "postgresql":
        new = postgresql.insert(table)
        return new.on_conflict_do_update(index_elements=key, set_={name: new.excluded[name] for name in others})
    row = sqlite.insert(table)
    return row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in others})
