"""A run to take away, made by whoever asks out of what any Backend says: one text, or one archive.

The text has what is known of the run, then of each target what it said. The archive is a zip file: `execution.json`
with the outcome of each target and the names of its files, and for each target that said something one file a stream.
Outputs stand as they are kept (masked); where a limit cut them, or they can't be read, a line of ours says so.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from pathlib import Path

from deployx_tui.model.execution import Execution, OutputGap, OutputSlice, Stream, TargetResult
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.outcome_words import run_word, target_word
from deployx_tui.model.words import ended_by
from deployx_tui.service.backend import Backend
from deployx_tui.service.wire.executions import execution_to_json, target_to_json
from deployx_tui.service.wire.values import Json

_READ = 1 << 20
#: no file has these names on Windows, whatever follows behind a dot
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_PAGE = 200
#: the years that a zip file can hold
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)

#: hears how many targets of how many are done
Progress = Callable[[int, int], None]
#: hears of what isn't there, with the target's name
Gaps = Callable[[str, Iterable[OutputGap]], None]


class Format(StrEnum):
    TEXT = "text"
    ARCHIVE = "archive"

    @property
    def ending(self) -> str:
        return ".txt" if self is Format.TEXT else ".zip"

    @property
    def media_type(self) -> str:
        return "text/plain; charset=utf-8" if self is Format.TEXT else "application/zip"


def file_name(run: Execution, form: Format) -> str:
    """A name that is one on every system, whatever the task is called."""
    stem = _plain(run.task_name)
    return f"deployx-{run.id}-{stem}{form.ending}" if stem else f"deployx-{run.id}{form.ending}"


async def download(
    backend: Backend,
    execution: ExecutionId,
    form: Format,
    zone: tzinfo = UTC,
    progress: Progress | None = None,
    gaps: Gaps | None = None,
) -> AsyncIterator[bytes]:
    """The file, piece by piece; nothing is held but a piece. Times of the text are in `zone`. DeployxError passes."""
    run = await backend.executions.get(execution)
    if form is Format.TEXT:
        pieces = _text(backend, run, zone, progress, gaps)
    else:
        pieces = _archive(backend, run, progress, gaps)
    async for piece in pieces:
        yield piece


async def _text(
    backend: Backend, run: Execution, zone: tzinfo, progress: Progress | None, gaps: Gaps | None
) -> AsyncIterator[bytes]:
    yield _head(run, zone).encode("utf-8", "backslashreplace")
    async for target in _targets(backend, run, progress):
        yield f"\n=== {target.device}: {_outcome(target)}\n".encode("utf-8", "backslashreplace")
        last = b"\n"
        async for data in _said(backend, target, Stream.BOTH, gaps):
            last = data[-1:]
            yield data
        if last != b"\n":
            yield b"\n"


async def _archive(
    backend: Backend, run: Execution, progress: Progress | None, gaps: Gaps | None
) -> AsyncIterator[bytes]:
    made = _Written()
    names = _Names()
    targets: list[Json] = []
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        async for target in _targets(backend, run, progress):
            name = names.of(target)
            files: dict[Stream, str] = {}
            for stream, count in ((Stream.STDOUT, target.stdout_bytes), (Stream.STDERR, target.stderr_bytes)):
                if not count:
                    continue
                files[stream] = f"{name}.{stream.value}"
                with archive.open(_entry(files[stream], target.finished_at), "w", force_zip64=True) as file:
                    async for data in _said(backend, target, stream, gaps):
                        await asyncio.to_thread(file.write, data)
                        yield made.take()
            targets.append({**target_to_json(target), "files": {of.value: file for of, file in files.items()}})
        facts = {**execution_to_json(run), "targets": [*targets]}
        archive.writestr(_entry("execution.json", run.finished_at), json.dumps(facts, indent=2))
    yield made.take()


async def _targets(backend: Backend, run: Execution, progress: Progress | None) -> AsyncIterator[TargetResult]:
    cursor: str | None = None
    done = 0
    while True:
        page = await backend.executions.targets(run.id, limit=_PAGE, cursor=cursor)
        for target in page.items:
            yield target
            done += 1
            if progress is not None:
                progress(done, run.targets.total)
        cursor = page.next_cursor
        if cursor is None:
            return


async def _said(
    backend: Backend, target: TargetResult, stream: Stream, gaps: Gaps | None = None
) -> AsyncIterator[bytes]:
    """What is kept of a target's output at this moment, with a line where something isn't there."""
    offset, last = 0, b"\n"
    while True:
        part = await backend.executions.output(target.execution_id, target.device_id, stream, offset, _READ)
        if gaps is not None:
            gaps(target.device, part.gaps)
        data = _with_marks(part, last)
        if data:
            last = data[-1:]
            yield data
        if part.next_offset >= part.total or part.next_offset <= offset:
            return
        offset = part.next_offset


def _with_marks(part: OutputSlice, last: bytes) -> bytes:
    made = bytearray()
    for piece in part.in_order():
        if isinstance(piece, OutputGap):
            if (bytes(made[-1:]) or last) != b"\n":
                made += b"\n"
            made += piece.mark + b"\n"
        else:
            made += piece.data
    return bytes(made)


def _entry(name: str, at: datetime | None) -> zipfile.ZipInfo:
    when = min(max(at or _FIRST, _FIRST), _LAST).astimezone(UTC)
    entry = zipfile.ZipInfo(name, (when.year, when.month, when.day, when.hour, when.minute, when.second))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


class _Names:
    """A name for each target's files that is safe on every system and no other target's, in any case."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def of(self, target: TargetResult) -> str:
        name = _plain(target.device) or str(target.device_id)
        # names of devices of a system that would not write them
        if name.split(".")[0].lower() in _RESERVED:
            name = f"host-{name}"
        while name.lower() in self._used:
            name = f"{name}-{target.device_id}"
        self._used.add(name.lower())
        return name


class _Written:
    """Where the archive is written to, a little at a time; it can't go back in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def take(self) -> bytes:
        """What was written since the last time."""
        data, self._pieces = b"".join(self._pieces), []
        return data


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:60]


def _outcome(target: TargetResult) -> str:
    parts = [target_word(target.state)]
    if target.exit_code is not None:
        parts.append(f"exit {target.exit_code}")
    if target.signal is not None:
        parts.append(ended_by(target.signal))
    if target.output_cut:
        parts.append("output cut")
    if target.error_message:
        parts.append(target.error_message)
    return ", ".join(parts)


def _head(run: Execution, zone: tzinfo) -> str:
    lines = [f"#{run.id} {run.task_name}", f"command  {run.summary}", f"state    {run_word(run.status)}"]
    for name, at in (("started", run.started_at), ("ended", run.finished_at)):
        if at is not None:
            lines.append(f"{name:<9}{at.astimezone(zone).isoformat(sep=' ', timespec='seconds')}")
    if run.plan_sha256 is not None:
        lines.append(f"plan     sha256 {run.plan_sha256}")
    if run.error_message:
        lines.append(f"why      {run.error_message}")
    return "\n".join(lines) + "\n"


async def write(
    backend: Backend,
    execution: ExecutionId,
    path: Path,
    form: Format,
    zone: tzinfo,
    progress: Progress | None = None,
    gaps: Gaps | None = None,
) -> int:
    """Write the file, for its owner alone (0600); gives the bytes written.

    FileExistsError when there is such a file: nothing is overwritten. DeployxError and OSError pass; what was
    written then stays, so that nothing is lost.
    """
    pieces = download(backend, execution, form, zone, progress, gaps)
    # asked before there is a file: a run that is none leaves none
    first = await anext(pieces)
    descriptor = await asyncio.to_thread(os.open, path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        await asyncio.to_thread(file.write, first)
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
        return file.tell()


def form_of(path: Path) -> Format:
    """By its ending: .zip is an archive."""
    return Format.ARCHIVE if path.suffix.lower() == Format.ARCHIVE.ending else Format.TEXT
