"""INSERT that leaves an existing row alone, or replaces it. A dialect is imported when a database speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT ... ON CONFLICT DO NOTHING: a row that breaks a uniqueness rule is not written, and not returned."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a database needs its own dialect only

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - a database needs its own dialect only

    return sqlite.insert(table).on_conflict_do_nothing()


def insert_or_replace(connection: Connection, table: Table, key: list[str]) -> sqlite.Insert | postgresql.Insert:
    """INSERT that overwrites every other column of a row with the same `key`."""
    others = [column.name for column in table.columns if column.name not in key]
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a database needs its own dialect only

        new = postgresql.insert(table)
        return new.on_conflict_do_update(index_elements=key, set_={name: new.excluded[name] for name in others})
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - a database needs its own dialect only

    row = sqlite.insert(table)
    return row.on_conflict_do_update(index_elements=key, set_={name: row.excluded[name] for name in others})
