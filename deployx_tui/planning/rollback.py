"""What a rollback is run on: exactly where something is to be taken back. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from deployx_tui.errors import InvalidInput
from deployx_tui.model.changes import ChangedTarget
from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.words import counted, first_of
from deployx_tui.planning.plan import PlannedTarget

_FIELD = "execution"


def rollback_targets(
    execution: ExecutionId,
    status: ExecutionStatus | None,
    changed: Sequence[ChangedTarget],
    there: Collection[DeviceId],
    wanted: Collection[DeviceId] | None = None,
) -> tuple[PlannedTarget, ...]:
    """The targets on which an execution changed something that nobody has taken back, in the order of its plan.

    `status` None: there is no such execution; `there`: devices that are not deleted; `wanted`: only these, None: all.
    InvalidInput (field `execution`) says why there is nothing to do.
    """
    if status is None:
        raise InvalidInput.of(_FIELD, f"there is no execution {execution}", "look at what ran with execution list")
    if status.is_alive:
        raise InvalidInput.of(_FIELD, f"execution {execution} is {status.value}", "wait for its end, or cancel it")
    if not changed:
        what = f"execution {execution} changed nothing that could be taken back"
        raise InvalidInput.of(_FIELD, what, "name one that put files or software somewhere")
    left = [each for each in changed if each.rolled_back_by is None]
    if not left:
        by = sorted({each.rolled_back_by for each in changed if each.rolled_back_by is not None})
        what = f"all that execution {execution} changed was rolled back by {_named(by)}"
        raise InvalidInput.of(_FIELD, what, f"roll back {by[-1]} to have it again")
    chosen = [each for each in left if each.device in there and (wanted is None or each.device in wanted)]
    if not chosen:
        gone = first_of([each.name for each in left])
        what = f"what execution {execution} changed lies on {gone}: deleted, or not among the chosen devices"
        raise InvalidInput.of(_FIELD, what, "choose some of them, or none at all for all of them")
    return tuple(PlannedTarget(each.device, each.name, f"{counted(each.count, 'change')} there") for each in chosen)


def _named(executions: Sequence[ExecutionId]) -> str:
    _, _, noun = counted(len(executions), "execution").partition(" ")
    return f"{noun} {', '.join(map(str, executions))}"
