"""Words over runs: what a history search finds. Names, errors, and the first and last 2 KiB of each output.

The writers of executions and targets call `remember` in their transaction; `store/history.py` asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, select, true

from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.store.dialects import search as port
from deployx_tui.store.schema import executions

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class RunText:
    """Words by which an execution shall be found."""

    execution_id: ExecutionId
    #: None: the execution's own (task name, summary, error message); else those of one target
    #: (task name, device name, error message, head and tail of its output)
    device_id: DeviceId | None
    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """A search as typed: every word must be in one text of the run; `!word` must be in none."""

    wanted: tuple[tuple[str, ...], ...]
    unwanted: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, typed: str) -> Words:
        wanted: list[tuple[str, ...]] = []
        unwanted: list[tuple[str, ...]] = []
        for part in typed.split():
            phrase = port.words(part)
            if phrase:
                (unwanted if part.startswith("!") else wanted).append(phrase)
        return cls(tuple(wanted), tuple(unwanted))

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)


def remember(c: Connection, texts: Iterable[RunText]) -> None:
    """Make runs findable; a text of the same execution and device is replaced."""
    port.put(c, [(port.row_id(t.execution_id, t.device_id or 0), t.text) for t in texts])


def forget(c: Connection, execution: ExecutionId) -> None:
    """With the execution itself, when retention takes it."""
    c.execute(delete(port.rows).where(port.rows_of(execution)))


def newest(c: Connection, words: Words, before: ExecutionId | None) -> Iterator[ExecutionId]:
    """Executions that hold the wanted words, newest id first; `words.wanted` must not be empty.

    Read in chunks, and a run with thousands of matching targets is left after the first: a common word costs
    what the page costs, not what the history holds.
    """
    bound = port.row_id(before) if before is not None else None
    query = select(port.rows.c.rowid).where(port.matches(c, words.wanted)).order_by(port.rows.c.rowid.desc())
    while True:
        chunk = (
            c.execute((query if bound is None else query.where(port.rows.c.rowid < bound)).limit(_CHUNK))
            .scalars()
            .all()
        )
        found = dict.fromkeys(port.execution_of(row) for row in chunk)
        for execution in found:
            yield ExecutionId(execution)
        if len(chunk) < _CHUNK:
            return
        bound = port.row_id(next(reversed(found)))


def lacks(c: Connection, words: Words) -> ColumnElement[bool]:
    """The condition on `executions` that no text of the run holds an unwanted word."""
    return and_(
        true(),
        *(
            ~exists().where(port.matches(c, [phrase]), port.rows_of(executions.c.id)).correlate(executions)
            for phrase in words.unwanted
        ),
    )
