"""How a database comes to the tables of `store/schema`. After a change there, write the next revision with
`python -m deployx_tui.store.migrations "what changes"` and read it."""

from __future__ import annotations

#: the revision that this program works on; known here so that opening a current database needs no Alembic
HEAD = "0007"


def is_in_schema(name: str | None, kind: str, _parents: object) -> bool:
    """For Alembic's comparison: the full-text index and its shadow tables differ per database and stand apart."""
    return kind != "table" or not (name or "").startswith("history_search")
