"""Outputs that are small enough to lie in the database, as encoded frames. Larger ones are `output.segments`'."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from deployx_tui.model.execution import TargetState
from deployx_tui.model.ids import TargetId
from deployx_tui.store.schema import execution_targets, outputs


@dataclass(frozen=True, slots=True)
class StoredOutput:
    """What the database knows of a target's output."""

    state: TargetState
    #: b"": none, or it lies in the segment file
    frames: bytes
    #: how much it said, gaps counted; of a target that was lost perhaps more than came to disk
    stdout_bytes: int
    stderr_bytes: int
    #: not all of it was kept
    is_cut: bool

    @property
    def is_over(self) -> bool:
        return self.state.is_over


_LOAD = (
    select(
        execution_targets.c.state,
        execution_targets.c.stdout_bytes,
        execution_targets.c.stderr_bytes,
        execution_targets.c.output_cut,
        outputs.c.frames,
    )
    .select_from(execution_targets.outerjoin(outputs, outputs.c.target_id == execution_targets.c.id))
    .where(execution_targets.c.id == bindparam("target"))
)
_REPLACE = update(outputs).where(outputs.c.target_id == bindparam("target")).values(frames=bindparam("new"))
_DELETE = delete(outputs).where(outputs.c.target_id == bindparam("target"))


def load(connection: Connection, target: TargetId) -> StoredOutput | None:
    """None: no such target."""
    row = connection.execute(_LOAD, {"target": target}).one_or_none()
    if row is None:
        return None
    return StoredOutput(
        TargetState(row.state), row.frames or b"", row.stdout_bytes, row.stderr_bytes, bool(row.output_cut)
    )


def save(connection: Connection, target: TargetId, frames: bytes) -> None:
    """Keep these frames as the whole output of a target; b"" keeps none."""
    if not frames:
        connection.execute(_DELETE, {"target": target})
    elif not connection.execute(_REPLACE, {"target": target, "new": frames}).rowcount:
        connection.execute(insert(outputs).values(target_id=target, frames=frames))
