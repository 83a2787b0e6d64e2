"""How the database would run what a function asks: every statement inside `recorded` with its plan."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event


class Plans(list[str]):
    """One text per statement, its steps joined by newlines."""

    def assert_indexed(self, *, sorting: bool = False, small: tuple[str, ...] = ()) -> None:
        """No step reads a table from end to end; none sorts, but with `sorting` (of a set that a filter made small).

        `small`: tables that hold a handful of rows at most.
        """
        assert self, "nothing was asked"
        for plan in self:
            for step in plan.splitlines():
                whole = step.startswith("SCAN") and not any(
                    word in step for word in ("INDEX", "json_each", "CONSTANT ROW", "asked", "VIRTUAL TABLE")
                )
                assert not whole or step.removeprefix("SCAN ") in small, plan
                assert sorting or "TEMP B-TREE FOR ORDER BY" not in step, plan

    def use(self, name: str) -> bool:
        return any(name in plan for plan in self)


@contextmanager
def recorded(c: Connection) -> Iterator[Plans]:
    """SQLite only: EXPLAIN QUERY PLAN of every SELECT, UPDATE and DELETE that runs inside."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            asked.append((statement, parameters[0] if many else parameters))

    plans = Plans()
    event.listen(c, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        event.remove(c, "before_cursor_execute", note)
    for statement, parameters in asked:
        rows = c.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
        plans.append("\n".join(row.detail for row in rows))
