"""Runs of files in the mock-ups' world: one that is under way, one that changed something, and their task."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from deployx_tui.model.execution import (
    Cause,
    ExecutionStatus,
    TargetCounts,
    TargetResult,
    TargetState,
    TransferProgress,
)
from deployx_tui.model.files import FileItem, FilePayload, LineEndings
from deployx_tui.model.ids import ArtifactId, ExecutionId, TargetId, TaskId
from tests.support.fake_backend import FakeBackend
from tests.support.history_world import execution
from tests.support.world import local

_S, _T = ExecutionStatus, TargetState

MOVING, CHANGED = ExecutionId(8850), ExecutionId(8849)
#: web-config-sync
TASK = TaskId(6)

PAYLOAD = FilePayload(
    items=(
        FileItem(artifact=ArtifactId(9), newest=True),
        FileItem(artifact=ArtifactId(2), name="motd", mode=0o644, line_endings=LineEndings.LF, substitute=True),
    ),
    target_path="/etc/nginx/",
    platform_paths=(("alpine", "/etc/nginx/http.d/"),),
    owner="root",
    group="www-data",
    backups=3,
    pre_check="nginx -t",
    post_command="systemctl reload nginx",
    rollback_on_failure=True,
    delete_extra=True,
    protected=("*.local", "ssl keys/*"),
    most_deletions=5,
    deployment_name="the web's configuration",
)


def with_files(backend: FakeBackend) -> FakeBackend:
    """web-config-sync puts files; #8850 is moving them, #8849 changed 3 of 22 targets."""
    row = backend.task_rows[TASK]
    draft = replace(row.draft, payload=PAYLOAD)
    backend.task_rows[TASK] = replace(row, draft=draft, stock=backend.artifacts.stock(PAYLOAD))
    named = {device.name: device.id for device in backend.device_rows.values()}
    begun = local(2026, 3, 3, 15, 0, 0)

    def target(run: ExecutionId, index: int, state: TargetState, **facts: object) -> TargetResult:
        name = f"web{index:02d}"
        started: datetime | None = None if state is _T.WAITING else begun
        return TargetResult(
            id=TargetId(run * 100 + index),
            execution_id=run,
            device_id=named[name],
            device=name,
            state=state,
            started_at=started,
            finished_at=begun + timedelta(seconds=2 + index % 3) if state.is_over else None,
            attempts=0 if started is None else 1,
            **facts,  # type: ignore[arg-type]  # named by who calls
        )

    mib = 1 << 20
    backend.target_rows[MOVING] = (
        *(target(MOVING, index, _T.SUCCEEDED, changed=index == 2, exit_code=0) for index in range(1, 17)),
        target(MOVING, 17, _T.FAILED, cause=Cause.VERIFY, error_message="no space left on /etc (12 MiB free)"),
        target(MOVING, 18, _T.RUNNING, progress=TransferProgress(done=115 * mib, total=256 * mib, rate=11 * mib)),
        target(MOVING, 19, _T.RUNNING, progress=TransferProgress(done=0, total=256 * mib)),
        target(MOVING, 20, _T.RUNNING),
        target(MOVING, 21, _T.WAITING),
        target(MOVING, 22, _T.WAITING),
    )
    backend.target_rows[CHANGED] = tuple(
        target(CHANGED, index, _T.SUCCEEDED, changed=index in (3, 7, 11), exit_code=0) for index in range(1, 23)
    )
    what = {"task_id": TASK, "summary": "web-config, motd to /etc/nginx/"}
    moving = TargetCounts(total=22, succeeded=16, failed=1, running=3, waiting=2, changed=1, unchanged=15)
    over = TargetCounts(total=22, succeeded=22, changed=3, unchanged=19)
    backend.execution_rows[MOVING] = execution(MOVING, "web-config-sync", begun, _S.RUNNING, moving, **what)
    backend.execution_rows[CHANGED] = execution(
        CHANGED, "web-config-sync", local(2026, 3, 3, 14, 58), _S.SUCCEEDED, over, **what
    )
    return backend
