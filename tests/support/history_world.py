"""More of the mock-ups' world: two days of runs for the history, and the run that is watched."""

from __future__ import annotations

from datetime import datetime, timedelta

from deployx_tui.model.execution import (
    Cause,
    Execution,
    ExecutionStatus,
    TargetCounts,
    TargetResult,
    TargetState,
    Trigger,
)
from deployx_tui.model.ids import ExecutionId, TargetId, TaskId
from tests.support.fake_backend import FakeBackend
from tests.support.world import counts, local

_S = ExecutionStatus
_T = TargetState


def execution(
    number: int, name: str, at: datetime, status: ExecutionStatus, targets: TargetCounts, **facts: object
) -> Execution:
    """A run as the engine would tell it; `facts` replace what is usual."""
    values: dict[str, object] = {
        "id": ExecutionId(number),
        "task_id": TaskId(1000),
        "task_name": name,
        "started_by": "alice",
        "trigger": Trigger.SCHEDULE,
        "status": status,
        "scheduled_for": at,
        "due_at": at,
        "created_at": at,
        "started_at": at,
        "finished_at": None if status.is_alive else at + timedelta(seconds=2.6),
        "targets": targets,
        "error_message": "",
        "wait_reason": None,
        "plan_sha256": "5be2" + "0" * 56 + "77c0",
        "summary": "logrotate --force /etc/logrotate.d/web",
        **facts,
    }
    return Execution(**values)  # type: ignore[arg-type]  # the fields are named above


def with_history(backend: FakeBackend) -> FakeBackend:
    """Two days of runs: 300 good ones by the schedule, and those that want a look."""
    rows = {run.id: run for run in backend.execution_rows.values() if run.status is _S.RUNNING}
    names = [task.name for task in backend.task_rows.values()]
    for index in range(300):
        at = local(2026, 3, 3, 14, 55) - timedelta(minutes=8 * index)
        number = 8840 - 2 * index
        rows[ExecutionId(number)] = execution(
            number, names[index % len(names)], at, _S.SUCCEEDED, counts(2, 2), task_id=TaskId(index % len(names) + 1)
        )
    specials = [
        execution(8743, "ad hoc: df -h /var", local(2026, 3, 3, 8, 12, 40), _S.SUCCEEDED, counts(22, 22),
                  task_id=None, trigger=Trigger.AD_HOC, started_by="bob"),
        execution(8671, "web-log-rotate", local(2026, 3, 3, 2, 0, 0), _S.FAILED, counts(22, failed=22),
                  task_id=TaskId(7), error_message="22 of 22 targets failed: exit 127 on all"),
        execution(8653, "web-config-sync", local(2026, 3, 3, 1, 0, 0), _S.PARTIALLY_SUCCEEDED,
                  counts(22, 21, unreachable=1), task_id=TaskId(6),
                  error_message="1 of 22 targets failed: web11 unreachable"),
        execution(8601, "pg-config-reload", local(2026, 3, 2, 21, 40, 2), _S.SUCCEEDED, counts(7, 7),
                  task_id=TaskId(14), trigger=Trigger.MANUAL),
        execution(8260, "web-log-rotate", local(2026, 3, 2, 2, 0, 0), _S.FAILED, counts(22, failed=22),
                  task_id=TaskId(7), error_message="22 of 22 targets failed: exit 127 on all"),
        execution(8117, "web-log-rotate", local(2026, 3, 1, 2, 0, 0), _S.SUCCEEDED, counts(22, 22), task_id=TaskId(7),
                  plan_sha256="9c01" + "0" * 60),
        execution(8259, "db-dump", local(2026, 3, 2, 1, 30, 0), _S.MISSED, TargetCounts(), task_id=TaskId(8),
                  started_at=None, error_message="the engine was down: 3h12m late, its grace is 1h"),
        execution(8258, "db-vacuum", local(2026, 3, 2, 1, 20, 0), _S.SKIPPED, TargetCounts(), task_id=TaskId(4),
                  started_at=None, error_message="#8255 still ran: overlap skip"),
    ]  # fmt: skip
    rows.update({run.id: run for run in specials})
    backend.execution_rows = rows
    return backend


def watched_targets(backend: FakeBackend) -> FakeBackend:
    """#8841 of the mock-ups: 16 good, 2 bad, 4 running, 2 waiting."""
    run = ExecutionId(8841)
    start = local(2026, 3, 3, 15, 0, 0)
    named = {device.name: device for device in backend.device_rows.values()}
    rows: list[TargetResult] = []
    names = [f"web{n:02d}" for n in range(1, 23)] + ["web-win04", "web-win05"]
    for index, name in enumerate(names):
        state, facts = _T.SUCCEEDED, dict[str, object](exit_code=0)
        ended: datetime | None = start + timedelta(seconds=2.9 + index % 5 * 0.3 + (6.9 if name == "web03" else 0))
        began: datetime | None = start
        if name == "web19":
            state, facts = (
                _T.UNREACHABLE,
                {"cause": Cause.CONNECT_TIMEOUT, "error_message": "connection timed out, 3 times"},
            )
            ended = start + timedelta(seconds=34)
        elif name == "web-win04":
            state, facts = _T.FAILED, {"cause": Cause.EXIT, "exit_code": 1, "error_message": "exit 1: Access is denied"}
            ended = start + timedelta(seconds=4.4)
        elif name in ("web17", "web18", "web20", "web-win05"):
            state, facts, ended = _T.RUNNING, {}, None
            began = start + timedelta(seconds=41)
        elif name in ("web21", "web22"):
            state, facts, ended, began = _T.WAITING, {}, None, None
        rows.append(
            TargetResult(
                id=TargetId(index + 1),
                execution_id=run,
                device_id=named[name].id,
                device=name,
                state=state,
                started_at=began,
                finished_at=ended,
                batch=1 + index // 8,
                attempts=1 if began else 0,
                **facts,  # type: ignore[arg-type]  # named above
            )
        )
    backend.target_rows[run] = tuple(rows)
    backend.outputs[run, named["web20"].id] = (
        b"+ certbot renew --quiet --deploy-hook /opt/hook.sh\n"
        b"Processing /etc/letsencrypt/renewal/shop.example.conf\n"
        b"Cert is due for renewal, auto-renewing...\n"
        b"Renewing an existing certificate for \x1b[36mshop.example\x1b[0m\n"
        b"Hook 'deploy-hook' reported: reload requested\n"
        b"\x1b[32mCongratulations\x1b[0m, all renewals succeeded\n"
        b"+ systemctl reload nginx\n"
        b"+ curl -sS -o /dev/null -w '%{http_code}' https://localhost\n"
    )
    return backend
