"""Executions, their targets and outputs as JSON, and back."""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields as dataclass_fields
from typing import assert_never

from deployx_tui.model.execution import (
    Cause,
    CauseCount,
    Execution,
    ExecutionStatus,
    KillReport,
    KillVerdict,
    OutputChunk,
    OutputGap,
    OutputGroup,
    OutputSlice,
    Stream,
    TargetCounts,
    TargetResult,
    TargetState,
    TransferProgress,
    Trigger,
)
from deployx_tui.model.ids import CredentialId, DeviceId, ExecutionId, TargetId, TaskId
from deployx_tui.model.json_reader import JSON
from deployx_tui.model.parameter import SecretRef, Value
from deployx_tui.model.payload import TaskType
from deployx_tui.service.wire import values
from deployx_tui.service.wire.values import Garbled, Json

#: `type` of a result is the original's short word
RESULT_TYPES = {
    TaskType.COMMAND: "command",
    TaskType.SOFTWARE_DEPLOYMENT: "software",
    TaskType.FILE_DEPLOYMENT: "file",
}

_COUNTS = tuple(field.name for field in dataclass_fields(TargetCounts))


def execution_word(status: ExecutionStatus, *, started: bool) -> str:
    """The contract's word for an execution; the exact one is `outcome`."""
    match status:
        case ExecutionStatus.QUEUED | ExecutionStatus.WAITING:
            return "pending"
        case ExecutionStatus.AWAITING_APPROVAL:
            return "running" if started else "pending"
        case ExecutionStatus.RUNNING:
            return "running"
        case ExecutionStatus.SUCCEEDED:
            return "completed"
        case ExecutionStatus.PARTIALLY_SUCCEEDED | ExecutionStatus.FAILED | ExecutionStatus.LOST:
            return "failed"
        case ExecutionStatus.MISSED | ExecutionStatus.SKIPPED | ExecutionStatus.CANCELLED:
            return "cancelled"
    assert_never(status)


def result_to_json(execution: ExecutionId, status: ExecutionStatus, targets: TargetCounts, kind: TaskType) -> Json:
    """What `result` and `last_result` hold; `deployment_id` is the execution itself."""
    return {
        "deployment_id": execution,
        "type": RESULT_TYPES[kind],
        "outcome": status.value,
        "targets": counts_to_json(targets),
    }


def execution_to_json(execution: Execution) -> Json:
    over = not execution.status.is_alive
    return {
        "id": execution.id,
        "task_id": execution.task_id,
        "execution_time": values.instant(execution.started_at),
        "completed_time": values.instant(execution.finished_at),
        "status": execution_word(execution.status, started=execution.started_at is not None),
        "deployment_id": execution.id,
        "result": result_to_json(execution.id, execution.status, execution.targets, execution.type) if over else None,
        "task_type": execution.type.value,
        "error_message": execution.error_message or None,
        "task_name": execution.task_name,
        "trigger": execution.trigger.value,
        "scheduled_for": values.instant(execution.scheduled_for),
        "due_at": values.instant(execution.due_at),
        "created_at": values.instant(execution.created_at),
        "wait_reason": execution.wait_reason,
        "outcome": execution.status.value,
        "targets": counts_to_json(execution.targets),
        "owner": execution.started_by,
        "plan_sha256": execution.plan_sha256,
        "summary": execution.summary,
    }


def execution_from_json(data: JSON) -> Execution:
    row = values.fields(data)
    task = values.number_or_none(row, "task_id")
    return Execution(
        id=ExecutionId(values.number(row, "id")),
        task_id=None if task is None else TaskId(task),
        task_name=values.text(row, "task_name"),
        started_by=values.text(row, "owner"),
        trigger=values.word(row, "trigger", Trigger),
        status=values.word(row, "outcome", ExecutionStatus),
        scheduled_for=values.when_or_none(row, "scheduled_for"),
        due_at=values.when(row, "due_at"),
        created_at=values.when(row, "created_at"),
        started_at=values.when_or_none(row, "execution_time"),
        finished_at=values.when_or_none(row, "completed_time"),
        targets=counts_from_json(values.get(row, "targets")),
        error_message=values.text_or_none(row, "error_message") or "",
        wait_reason=values.text_or_none(row, "wait_reason"),
        plan_sha256=values.text_or_none(row, "plan_sha256"),
        summary=values.text(row, "summary"),
        type=values.word(row, "task_type", TaskType),
    )


def counts_to_json(counts: TargetCounts) -> Json:
    return {name: getattr(counts, name) for name in _COUNTS}


def counts_from_json(data: JSON) -> TargetCounts:
    row = values.fields(data)
    return TargetCounts(**{name: values.number(row, name) for name in _COUNTS})


# ---- targets


def target_to_json(target: TargetResult) -> Json:
    duration = None
    if target.started_at is not None and target.finished_at is not None:
        duration = round((target.finished_at - target.started_at).total_seconds() * 1000)
    return {
        "id": target.id,
        "execution_id": target.execution_id,
        "device_id": target.device_id,
        "device": target.device,
        "state": target.state.value,
        "outcome": target.state.value if target.state.is_over else None,
        "exit_code": target.exit_code,
        "signal": target.signal,
        "cause": None if target.cause is None else target.cause.value,
        "changed": {True: "yes", False: "no", None: "unknown"}[target.changed],
        "kill": None
        if target.kill is None
        else {"verdict": target.kill.verdict.value, "pids": values.items(target.kill.pids)},
        "batch": target.batch,
        "attempts": target.attempts,
        "started_at": values.instant(target.started_at),
        "finished_at": values.instant(target.finished_at),
        "duration_ms": duration,
        "stdout_bytes": target.stdout_bytes,
        "stderr_bytes": target.stderr_bytes,
        "output_cut": target.output_cut,
        "durable": target.durable,
        "progress": None if target.progress is None else _progress_to_json(target.progress),
        "error_message": target.error_message,
    }


def target_from_json(data: JSON) -> TargetResult:
    row = values.fields(data)
    kill, progress = row.get("kill"), row.get("progress")
    changed = values.text(row, "changed")
    if changed not in ("yes", "no", "unknown"):
        raise Garbled(f"changed: {changed!r}")
    return TargetResult(
        id=TargetId(values.number(row, "id")),
        execution_id=ExecutionId(values.number(row, "execution_id")),
        device_id=DeviceId(values.number(row, "device_id")),
        device=values.text(row, "device"),
        state=values.word(row, "state", TargetState),
        exit_code=values.number_or_none(row, "exit_code"),
        signal=values.text_or_none(row, "signal"),
        cause=values.word_or_none(row, "cause", Cause),
        changed=None if changed == "unknown" else changed == "yes",
        kill=None if kill is None else _kill(values.fields(kill)),
        batch=values.number(row, "batch"),
        attempts=values.number(row, "attempts"),
        started_at=values.when_or_none(row, "started_at"),
        finished_at=values.when_or_none(row, "finished_at"),
        stdout_bytes=values.number(row, "stdout_bytes"),
        stderr_bytes=values.number(row, "stderr_bytes"),
        output_cut=values.flag(row, "output_cut"),
        durable=values.flag(row, "durable"),
        progress=None if progress is None else _progress(values.fields(progress)),
        error_message=values.text(row, "error_message"),
    )


def _kill(row: Json) -> KillReport:
    return KillReport(values.word(row, "verdict", KillVerdict), values.numbers(row, "pids"))


def _progress_to_json(progress: TransferProgress) -> Json:
    left = progress.left
    return {
        "done_bytes": progress.done,
        "total_bytes": progress.total,
        "bytes_per_second": progress.rate,
        "seconds_left": None if left is None else round(left.total_seconds()),
    }


def _progress(row: Json) -> TransferProgress:
    return TransferProgress(
        done=values.number(row, "done_bytes"),
        total=values.number(row, "total_bytes"),
        rate=values.number(row, "bytes_per_second"),
    )


def cause_to_json(count: CauseCount) -> Json:
    return {
        "cause": None if count.cause is None else count.cause.value,
        "message": count.message,
        "devices": values.items(count.devices),
    }


def cause_from_json(data: JSON) -> CauseCount:
    row = values.fields(data)
    return CauseCount(
        cause=values.word_or_none(row, "cause", Cause),
        message=values.text(row, "message"),
        devices=values.texts(row, "devices"),
    )


def given_from_json(data: JSON) -> tuple[Value, ...]:
    """The parameters of an execution; they are written by `values_to_json`."""

    def one(item: JSON) -> Value:
        row = values.fields(item)
        credential = values.number_or_none(row, "credential_id")
        secret = None
        if credential is not None:
            name, version = values.text(row, "credential"), values.number(row, "secret_version")
            secret = SecretRef(credential=CredentialId(credential), name=name, version=version)
        return Value(
            name=values.text(row, "name"),
            value=values.text(row, "value"),
            file=values.text_or_none(row, "file"),
            secret=secret,
            is_default=values.flag(row, "is_default"),
        )

    return values.each({"parameters": data}, "parameters", one)


# ---- output. Bytes travel as base64 here; clients that want them raw ask for application/octet-stream.


def slice_to_json(output: OutputSlice) -> Json:
    return {
        "chunks": [
            {
                "stream": chunk.stream.value,
                "at": values.instant(chunk.at),
                "offset": chunk.offset,
                "data": _encoded(chunk.data),
            }
            for chunk in output.chunks
        ],
        "next_offset": output.next_offset,
        "complete": output.complete,
        "total": output.total,
        "gaps": [[gap.start, gap.end, gap.reason] for gap in output.gaps],
        "line": output.line,
        "lines": output.lines,
    }


def slice_from_json(data: JSON) -> OutputSlice:
    row = values.fields(data)
    return OutputSlice(
        chunks=values.each(row, "chunks", _chunk),
        next_offset=values.number(row, "next_offset"),
        complete=values.flag(row, "complete"),
        total=values.number(row, "total"),
        gaps=values.each(row, "gaps", _gap),
        line=values.number(row, "line"),
        lines=values.number(row, "lines"),
    )


def _gap(data: JSON) -> OutputGap:
    start, end, reason = values.row(data, 3)
    if not isinstance(start, int) or not isinstance(end, int) or not isinstance(reason, str):
        raise Garbled("a gap in an output")
    return OutputGap(start, end, reason)


def _chunk(data: JSON) -> OutputChunk:
    row = values.fields(data)
    return OutputChunk(
        stream=values.word(row, "stream", Stream),
        at=values.when(row, "at"),
        offset=values.number(row, "offset"),
        data=_decoded(row, "data"),
    )


def group_to_json(group: OutputGroup) -> Json:
    return {
        "digest": group.digest,
        "devices": [[device, name] for device, name in group.devices],
        "sample": _encoded(group.sample),
    }


def group_from_json(data: JSON) -> OutputGroup:
    row = values.fields(data)

    def device(item: JSON) -> tuple[DeviceId, str]:
        number, name = values.row(item, 2)
        if not isinstance(number, int) or not isinstance(name, str):
            raise Garbled("devices of an output group")
        return DeviceId(number), name

    return OutputGroup(
        digest=values.text(row, "digest"), devices=values.each(row, "devices", device), sample=_decoded(row, "sample")
    )


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(row: Json, key: str) -> bytes:
    try:
        return base64.b64decode(values.text(row, key), validate=True)
    except (binascii.Error, ValueError):
        raise Garbled(f"{key} is no base64") from None
