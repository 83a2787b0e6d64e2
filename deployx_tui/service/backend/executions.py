"""Executions: what ran, runs, and what each target said."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from deployx_tui.model.execution import (
    DEFAULT_RERUN,
    CauseCount,
    Execution,
    ExecutionQuery,
    OutputGroup,
    OutputSlice,
    RerunScope,
    Stream,
    TargetResult,
    TargetState,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.page import Page
from deployx_tui.model.parameter import Value
from deployx_tui.model.payloads import Payload
from deployx_tui.model.user import Permission
from deployx_tui.service.backend.permission import needs


class Executions(Protocol):
    @needs(Permission.EXECUTIONS_READ)
    async def list(self, query: ExecutionQuery) -> Page[Execution]: ...

    @needs(Permission.EXECUTIONS_READ)
    async def get(self, execution: ExecutionId) -> Execution: ...

    @needs(Permission.EXECUTIONS_READ)
    async def targets(
        self,
        execution: ExecutionId,
        states: frozenset[TargetState] = frozenset(),
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[TargetResult]: ...

    @needs(Permission.EXECUTIONS_READ)
    async def causes(self, execution: ExecutionId) -> tuple[CauseCount, ...]: ...

    @needs(Permission.EXECUTIONS_READ)
    async def parameters(self, execution: ExecutionId) -> tuple[Value, ...]:
        """What it gives to its commands by name; () before the plan of a scheduled one is made."""
        ...

    @needs(Permission.TASKS_RUN)
    async def run_ad_hoc(
        self, payload: Payload, selector: str, request: str, timeout: timedelta | None = None
    ) -> ExecutionId:
        """Run without a task. `request` is a UUID: the same one again gives the same execution.

        The payload's own parameters take their defaults, which are the values here.

        InvalidInput (field `request`) when it was used for another payload, selector or timeout.
        """
        ...

    @needs(Permission.TASKS_RUN)
    async def rerun(
        self, execution: ExecutionId, request: str, scope: frozenset[RerunScope] = DEFAULT_RERUN
    ) -> ExecutionId:
        """A new execution of the stored plan, on the targets that the scope names. `request` as for `run_ad_hoc`."""
        ...

    @needs(Permission.TASKS_RUN)
    async def rollback(self, execution: ExecutionId, request: str, *, force: bool = False) -> ExecutionId:
        """A new execution that restores what this one changed, on the targets where it changed something.

        `force`: also where somebody changed it since. `request` as for `run_ad_hoc`. Conflict when it is alive,
        changed nothing, or was rolled back already.
        """
        ...

    @needs(Permission.EXECUTIONS_CANCEL)
    async def cancel(self, execution: ExecutionId) -> Execution:
        """Ask it to stop; targets that wait end cancelled, running ones are killed and looked at."""
        ...

    @needs(Permission.OUTPUT_READ)
    async def output(
        self,
        execution: ExecutionId,
        device: DeviceId,
        stream: Stream = Stream.BOTH,
        offset: int = 0,
        limit: int = 1 << 20,
        tail: int | None = None,
        wait: timedelta | None = None,
        line: int | None = None,
    ) -> OutputSlice:
        """Stored bytes from a logical offset (`tail`: the last so many bytes instead; `line`: from where that line
        begins, counted from 0, or from the end when negative: -1 is the last one).

        Lines are counted where they end; of both streams together in the order of their ends, so that the first line
        of an answer may be the rest of one that began before.

        With `wait`, an answer that would be empty and incomplete is held until there is more, or for so long.
        """
        ...

    @needs(Permission.OUTPUT_READ)
    async def output_groups(self, execution: ExecutionId) -> tuple[OutputGroup, ...]:
        """Finished targets folded by equal output, largest group first."""
        ...
