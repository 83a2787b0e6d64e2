"""What every table is made of, and the one collection they stand in."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, event, text

from deployx_tui.store.dialects import search

metadata = MetaData()

#: SQLite's rowid needs INTEGER; PostgreSQL's needs 64 bits
Id = BigInteger().with_variant(Integer, "sqlite")
Ms = BigInteger


def id_column() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows for which `where` holds, on both databases."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={"where": where})


def complete(made: MetaData = metadata, /, *_: object, **__: object) -> None:
    """Say what PostgreSQL's partial indexes hold, before tables are made or compared.

    Not in `partial_index`: an option of PostgreSQL loads its dialect, which a start on SQLite need not pay for.
    """
    for table in made.tables.values():
        for index in table.indexes:
            if (where := index.info.get("where")) is not None:
                index.dialect_kwargs["postgresql_where"] = text(where)


event.listen(metadata, "before_create", complete)

#: full-text search has no common DDL
event.listen(metadata, "after_create", search.create)
