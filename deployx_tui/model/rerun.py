"""Which targets of an execution a rerun takes up."""

from __future__ import annotations

from collections.abc import Collection

from deployx_tui.model.execution import RerunScope, TargetResult, TargetState


def is_in_scope(target: TargetResult, scope: Collection[RerunScope]) -> bool:
    """Whether a rerun with this scope repeats it. One that succeeded is in `all` only."""
    return RerunScope.ALL in scope or _scope_of(target) in scope


def _scope_of(target: TargetResult) -> RerunScope | None:
    """None: it succeeded."""
    match target.state:
        case TargetState.SUCCEEDED:
            return None
        case TargetState.LOST:
            return RerunScope.LOST
        case TargetState.WAITING | TargetState.SKIPPED:
            return RerunScope.NOT_STARTED
        case TargetState.CANCELLED if target.started_at is None:
            return RerunScope.NOT_STARTED
        case _:
            return RerunScope.FAILED
