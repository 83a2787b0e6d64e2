"""A part of a text, in any case."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection


def has_part(c: Connection, column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    """Whether `part` stands in the column; `%` and `_` mean themselves.

    SQLite's LIKE folds the case of ASCII letters by itself; PostgreSQL has ILIKE, which folds all.
    """
    escaped = part.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    # lower() on both sides, which is what SQLAlchemy's ilike() writes for SQLite, would copy every text
    find = column.like if c.dialect.name == "sqlite" else column.ilike
    return find(f"%{escaped}%", escape="\\")
