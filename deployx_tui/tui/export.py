"""A run written to one file: what is known of it, and what each target said. Outputs stand as stored (masked)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from deployx_tui.model.execution import Execution, TargetResult
from deployx_tui.model.ids import ExecutionId
from deployx_tui.service.backend import Backend
from deployx_tui.tui.render import targets as draw
from deployx_tui.tui.render.when import day_and_clock

_READ = 1 << 20


def default_name(run: Execution) -> str:
    """A file name that is one on every system, whatever the task is called."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", run.task_name).strip("-.")[:60]
    return f"deployx-{run.id}-{stem}.txt" if stem else f"deployx-{run.id}.txt"


async def export(
    backend: Backend, execution: ExecutionId, path: Path, zone: tzinfo, progress: Callable[[int, int], None]
) -> int:
    """Write it, for its owner alone (0600); gives the bytes written.

    FileExistsError when there is such a file: nothing is overwritten. DeployxError and OSError pass; what was
    written then stays, so that nothing is lost. `progress` hears how many targets of how many are written.
    """
    run = await backend.executions.get(execution)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(_head(run, zone).encode())
        cursor: str | None = None
        written = 0
        while True:
            page = await backend.executions.targets(execution, limit=200, cursor=cursor)
            for target in page.items:
                await _write_target(backend, file, target)
                written += 1
                progress(written, run.targets.total)
            cursor = page.next_cursor
            if cursor is None:
                return file.tell()


async def _write_target(backend: Backend, file: BinaryIO, target: TargetResult) -> None:
    parts = [draw.word(target.state)]
    if target.exit_code is not None:
        parts.append(f"exit {target.exit_code}")
    if draw.why(target):
        parts.append(draw.why(target))
    file.write(f"\n=== {target.device}: {', '.join(parts)}\n".encode("utf-8", "backslashreplace"))
    offset, last = 0, b"\n"
    while True:
        part = await backend.executions.output(target.execution_id, target.device_id, offset=offset, limit=_READ)
        data = b"".join(chunk.data for chunk in part.chunks)
        if data:
            last = data[-1:]
            await asyncio.to_thread(file.write, data)
        if not data or part.next_offset >= part.total:
            break
        offset = part.next_offset
    if last != b"\n":
        file.write(b"\n")


def _head(run: Execution, zone: tzinfo) -> str:
    lines = [f"#{run.id} {run.task_name}", f"command  {run.summary}", f"status   {run.status.value}"]
    if run.started_at is not None:
        lines.append(
            f"started  {day_and_clock(run.started_at, zone, seconds=True)} {run.started_at.astimezone(zone):%Z}"
        )
    if run.finished_at is not None:
        lines.append(f"ended    {day_and_clock(run.finished_at, zone, seconds=True)}")
    if run.plan_sha256 is not None:
        lines.append(f"plan     sha256 {run.plan_sha256}")
    if run.error_message:
        lines.append(f"why      {run.error_message}")
    return "\n".join(lines) + "\n"
