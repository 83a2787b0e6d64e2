"""The full-text index of runs: FTS5 on SQLite, a GIN index over tsvector on PostgreSQL.

One vocabulary for both: text is cut into words here, in Python, so that both databases find the same runs. A row
is one text of one execution; its id is `row_id(execution, device)`, so the newest run has the highest ids and an
index walk downwards is already in the order of a history page. Used by `store/search.py` only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, MetaData, Text, column, func, literal, table, text

#: 2^24 devices per database, 2^39 executions
_DEVICE_BITS = 24

_WORD = re.compile(r"[^\W_]+")
#: what a word may be long; a longer one is a blob, found by its beginning
_LONGEST = 64

SQLITE_TABLE = """
    CREATE VIRTUAL TABLE IF NOT EXISTS history_search
    USING fts5(body, tokenize="unicode61 remove_diacritics 0", columnsize=0)
"""
POSTGRESQL_TABLE = "CREATE TABLE IF NOT EXISTS history_search (rowid bigint PRIMARY KEY, body tsvector NOT NULL)"
POSTGRESQL_INDEX = "CREATE INDEX IF NOT EXISTS ix_history_search_body ON history_search USING gin (body)"

rows = table("history_search", column("rowid", BigInteger), column("body", Text))
#: FTS5's name for the whole row, which MATCH takes on its left
_fts5 = column("history_search", Text)


def create(_: MetaData, c: Connection, **__: object) -> None:
    """Make the index with the tables (a listener of `metadata`'s after_create)."""
    if c.dialect.name == "sqlite":
        c.execute(text(SQLITE_TABLE))
    else:
        c.execute(text(POSTGRESQL_TABLE))
        c.execute(text(POSTGRESQL_INDEX))


def row_id(execution: int, device: int = 0) -> int:
    """Device 0: the text of the execution itself."""
    return execution << _DEVICE_BITS | device


def execution_of(row: int) -> int:
    return row >> _DEVICE_BITS


def rows_of(execution: int | ColumnElement[int]) -> ColumnElement[bool]:
    """All texts of one execution: its own and those of its targets."""
    first = execution * (1 << _DEVICE_BITS)
    return rows.c.rowid.between(first, first + (1 << _DEVICE_BITS) - 1)


def words(plain: str) -> tuple[str, ...]:
    """Letters and digits, lower case; everything else parts words."""
    return tuple(word[:_LONGEST] for word in _WORD.findall(plain.lower()))


def put(c: Connection, texts: Sequence[tuple[int, str]]) -> None:
    """Write or replace rows: (row id, text)."""
    values = [{"row": row, "body": " ".join(words(plain))} for row, plain in texts]
    if not values:
        return
    if c.dialect.name == "sqlite":
        c.execute(text("INSERT OR REPLACE INTO history_search (rowid, body) VALUES (:row, :body)"), values)
    else:
        c.execute(
            text(
                "INSERT INTO history_search (rowid, body) VALUES (:row, to_tsvector('simple', :body))"
                " ON CONFLICT (rowid) DO UPDATE SET body = excluded.body"
            ),
            values,
        )


def matches(c: Connection, phrases: Iterable[Sequence[str]]) -> ColumnElement[bool]:
    """Rows that hold every phrase; the last word of each phrase may be a beginning."""
    if c.dialect.name == "sqlite":
        # words hold letters and digits only, so a quoted one needs no escape
        query = " AND ".join(" + ".join(f'"{word}"' for word in phrase) + " *" for phrase in phrases)
        return _fts5.op("MATCH", is_comparison=True)(query)
    from sqlalchemy.dialects.postgresql import TSVECTOR  # noqa: PLC0415 - a SQLite database needs no other dialect

    query = " & ".join("(" + " <-> ".join(phrase) + ":*)" for phrase in phrases)
    return column("body", TSVECTOR).op("@@", is_comparison=True)(
        func.to_tsquery(literal("simple").op("::")(text("regconfig")), query)
    )
