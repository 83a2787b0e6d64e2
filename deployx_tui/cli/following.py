"""Following an execution to its end: each target's lines with its host before them, then the verdict.

Events say what grew; the bytes are fetched by offset, so nothing is read twice and a slow terminal holds nobody up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from deployx_tui.cli import printing
from deployx_tui.cli.invocation import Invocation
from deployx_tui.cli.said_lines import SaidLine, SaidLines
from deployx_tui.errors import EngineUnreachable, OutcomeUnknown
from deployx_tui.model.event import Event, Reset
from deployx_tui.model.execution import (
    Execution,
    ExecutionStatus,
    OutputGap,
    OutputSlice,
    Stream,
    TargetResult,
    TargetState,
    TransferProgress,
)
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.outcome_words import changed_words, progress_words, result_word, run_word
from deployx_tui.model.words import counted

if TYPE_CHECKING:
    from deployx_tui.service.backend import Backend
    from deployx_tui.service.wire.values import Json

#: events of so short a time are answered together: 200 hosts that print cost ten rounds of reading a second
GATHER_SECONDS = 0.1

#: how often at most it is said how far files are over
MOVED_SECONDS = 5.0

#: whose output was cut, by name
_MOST_NAMES = 5

#: of targets, each on a line of its own also when it succeeded
_MOST_ROWS = 40

#: 0 done, 1 something failed, 6 an outcome is unknown: the worst counts
FAILED, UNKNOWN = 1, 6


class Follower:
    """Prints one execution's output as it comes."""

    def __init__(
        self,
        call: Invocation,
        backend: Backend,
        execution: ExecutionId,
        *,
        stream: Stream = Stream.BOTH,
        tail: int | None = None,
        timestamps: bool = False,
    ) -> None:
        """`tail`: of what each target has said at first, only so many lines."""
        self._call, self._backend, self._execution, self._stream = call, backend, execution, stream
        self._tail, self._timestamps = tail, timestamps
        self._offsets: dict[DeviceId, int] = {}
        self._names: dict[DeviceId, str] = {}
        self._devices_of_targets: dict[int, DeviceId] = {}
        self._said: dict[DeviceId, SaidLines] = {}
        self._width = 0
        self.unreadable = Unreadable()
        self._moved = Moved()
        #: None: for nothing
        self._waits_for: str | None = None

    async def to_the_end(self) -> Execution:
        """Follow until the execution is over and every stored byte was printed.

        OutcomeUnknown when the engine goes away before: the execution is there, whatever became of it.
        """
        try:
            return await self._followed()
        except EngineUnreachable as error:
            id_ = self._execution
            raise OutcomeUnknown(
                f"{error}; #{id_} was started: deployx execution show {id_} says how it ended, before it is repeated"
            ) from error

    async def _followed(self) -> Execution:
        everything = False
        grown: set[DeviceId] = set()
        events = self._backend.events.follow(None, execution=self._execution)
        queue: asyncio.Queue[Event | Reset] = asyncio.Queue()

        async def collect() -> None:
            async for item in events:
                await queue.put(item)

        collector = asyncio.create_task(collect())
        try:
            while True:
                for item in await self._next_items(queue, collector):
                    self._moved.look(item)
                    if isinstance(item, Reset) or item.type != "output.grew":
                        everything = True
                    elif (device := self._device_of(item)) is not None:
                        grown.add(device)
                    else:
                        everything = True
                # looked at before the output: what is over now has no byte that the reading below could miss
                execution = await self._backend.executions.get(self._execution)
                self._tell_wait(execution.wait_reason)
                if everything or not execution.status.is_alive:
                    grown |= {target.device_id for target in await self._learn()}
                await self._print(grown)
                self._moved.tell(self._call, time.monotonic())
                grown, everything = set(), False
                if not execution.status.is_alive:
                    self._flush()
                    return execution
        finally:
            collector.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await collector

    def _tell_wait(self, reason: str | None) -> None:
        """What it waits for, once; whoever sits there would else wait for nothing that they know of."""
        if reason is not None and reason != self._waits_for:
            more = "; deployx vault status says what helps" if reason == "vault" else ""
            printing.note(self._call, f"it waits for {reason}{more}")
        self._waits_for = reason

    async def _next_items(
        self, queue: asyncio.Queue[Event | Reset], collector: asyncio.Task[None]
    ) -> list[Event | Reset]:
        waiting = asyncio.ensure_future(queue.get())
        await asyncio.wait({waiting, collector}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            collector.result()  # raises what ended the stream
            return []
        items = [waiting.result()]
        await asyncio.sleep(GATHER_SECONDS)
        while not queue.empty():
            items.append(queue.get_nowait())
        return items

    def _device_of(self, event: Event) -> DeviceId | None:
        facts = dict(event.facts)
        device, target = facts.get("device_id"), facts.get("target_id")
        if isinstance(device, int):
            return DeviceId(device) if device in self._names else None
        return self._devices_of_targets.get(target) if isinstance(target, int) else None

    async def _learn(self) -> list[TargetResult]:
        """Names of all targets; returns those that have said more than was read."""
        found = await all_targets(self._backend, self._execution)
        for target in found:
            self._names[target.device_id] = target.device
            self._devices_of_targets[target.id] = target.device_id
        self._width = max((len(name) for name in self._names.values()), default=0)
        return [
            target
            for target in found
            if target.state is not TargetState.WAITING
            and (target.state is TargetState.RUNNING or self._offsets.get(target.device_id, 0) < _said(target))
        ]

    async def _print(self, devices: Iterable[DeviceId]) -> None:
        for device in sorted(devices):
            while True:
                offset = self._offsets.get(device)
                if offset is None:
                    piece = await first_piece(self._backend, self._execution, device, self._stream, self._tail)
                else:
                    piece = await self._backend.executions.output(self._execution, device, self._stream, offset)
                self._offsets[device] = piece.next_offset
                self._put(device, piece)
                if piece.complete or not piece.chunks:
                    break

    def _put(self, device: DeviceId, piece: OutputSlice) -> None:
        self.unreadable.look(self._names[device], piece.gaps)
        if self._call.json:
            for document in piece_documents(device, self._names[device], piece):
                printing.put_json_line(document)
            return
        for line in self._said.setdefault(device, SaidLines()).feed(piece):
            self._line(device, line)

    def _flush(self) -> None:
        for device, said in sorted(self._said.items()):
            for line in said.rest():
                self._line(device, line)

    def _line(self, device: DeviceId, line: SaidLine) -> None:
        printing.put_line(with_host(line, self._names[device], self._width, timestamps=self._timestamps))


class Moved:
    """How far the files of all targets together are over, as a note now and then."""

    def __init__(self) -> None:
        #: bytes that are over and that will be, by target
        self._targets: dict[int, tuple[int, int]] = {}
        self._is_news = False
        #: of the monotonic clock, and how much was over then; None: nothing was told
        self._told: tuple[float, int] | None = None

    def look(self, item: Event | Reset) -> None:
        if isinstance(item, Reset):
            return
        facts = dict(item.facts)
        target, done, total = facts.get("target_id"), facts.get("done"), facts.get("total")
        if isinstance(target, int) and isinstance(done, int) and isinstance(total, int):
            self._targets[target] = done, total
            self._is_news = True

    def tell(self, call: Invocation, now: float) -> None:
        if not self._is_news or (self._told is not None and now - self._told[0] < MOVED_SECONDS):
            return
        done, total = (sum(column) for column in zip(*self._targets.values(), strict=True))
        rate = 0 if self._told is None else max(0, round((done - self._told[1]) / (now - self._told[0])))
        self._told, self._is_news = (now, done), False
        words = progress_words(TransferProgress(done=done, total=total, rate=rate))
        printing.note(call, f"files to {counted(len(self._targets), 'target')}: {words}")


class Unreadable:
    """What was kept of targets and can't be read, as a note and an exit status."""

    def __init__(self) -> None:
        #: bytes by target and reason
        self._sizes: dict[tuple[str, str], int] = {}

    def look(self, device: str, gaps: Iterable[OutputGap]) -> None:
        for gap in gaps:
            if gap.reason:
                self._sizes[device, gap.reason] = self._sizes.get((device, gap.reason), 0) + gap.size

    def told(self, call: Invocation) -> int:
        """Say it on standard error; the exit status that follows: 1 when there is something."""
        for (device, reason), size in self._sizes.items():
            printing.note(call, f"{size} bytes of {device} can't be read: {reason}")
        return FAILED if self._sizes else 0


def with_host(line: SaidLine, host: str, width: int, *, timestamps: bool) -> str:
    """A line with whose it is before it; E stands for standard error."""
    mark = "E" if line.stream is Stream.STDERR else "│"
    return f"{host:<{width}} {mark} {alone(line, timestamps=timestamps)}"


def alone(line: SaidLine, *, timestamps: bool) -> str:
    """A line, with when its first byte came if that is asked for."""
    if not timestamps or line.at is None:
        return line.text
    return f"{line.at.astimezone().isoformat(timespec='milliseconds')} {line.text}"


def piece_documents(device: DeviceId, name: str, piece: OutputSlice) -> Iterator[Json]:
    """What a target said, in pieces, as lines of a stream or elements of a list; where a limit cut it, `missing` says
    how many bytes were not kept, and where they can't be read, `reason` why."""
    for each in piece.in_order():
        whose: Json = {"device_id": device, "device": name}
        if isinstance(each, OutputGap):
            yield {**whose, "offset": each.start, "missing": each.size, "reason": each.reason or None}
        else:
            yield {
                **whose,
                "stream": each.stream.value,
                "offset": each.offset,
                "at": each.at.isoformat(),
                "text": each.data.decode(errors="replace"),
            }


async def first_piece(
    backend: Backend,
    execution: ExecutionId,
    device: DeviceId,
    stream: Stream,
    tail: int | None,
    wait: timedelta | None = None,
) -> OutputSlice:
    """From the beginning; with `tail` the last so many lines, none of them with 0."""
    if tail is None:
        return await backend.executions.output(execution, device, stream, wait=wait)
    if tail == 0:
        return await backend.executions.output(execution, device, stream, tail=0)
    return await backend.executions.output(execution, device, stream, wait=wait, line=-tail)


async def all_targets(backend: Backend, execution: ExecutionId) -> list[TargetResult]:
    """Every target of an execution."""
    found: list[TargetResult] = []
    cursor: str | None = None
    while True:
        page = await backend.executions.targets(execution, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def to_document(execution: Execution, targets: Iterable[TargetResult]) -> Json:
    """The execution as the REST API shows it, with its targets as a list and their counts beside it."""
    from deployx_tui.service.wire.executions import counts_to_json, execution_to_json, target_to_json

    return {
        **execution_to_json(execution),
        "targets": [target_to_json(target) for target in targets],
        "counts": counts_to_json(execution.targets),
    }


def put_each(execution: Execution, targets: Sequence[TargetResult]) -> None:
    """As `put_verdict`, with those that succeeded too where they are few: each changed, or unchanged."""
    put_verdict(execution, targets, successes=len(targets) <= _MOST_ROWS)


def put_verdict(execution: Execution, targets: Sequence[TargetResult], *, successes: bool = False) -> None:
    """What did not succeed, each with its reason, then the counts: on standard output, after the output itself."""
    rows = [
        (target.device, state_word(target), _exit(target), target.error_message)
        for target in sorted(targets, key=lambda one: one.device)
        if successes or target.state is not TargetState.SUCCEEDED
    ]
    if rows:
        printing.put_table(("TARGET", "STATE", "EXIT", "WHY"), rows)
    counts = execution.targets
    succeeded = f", {counts.succeeded} of {counts.total} succeeded" if counts.total else ""
    changed = f", {changed_words(counts)}" if changed_words(counts) else ""
    printing.put_line(f"#{execution.id} {execution.task_name}: {run_word(execution.status)}{succeeded}{changed}")
    if execution.error_message and not rows:
        printing.put_line(execution.error_message)
    if cut := sorted(target.device for target in targets if target.output_cut):
        more = f" and {len(cut) - _MOST_NAMES} more" if len(cut) > _MOST_NAMES else ""
        printing.put_line(f"output cut: not all of {', '.join(cut[:_MOST_NAMES])}{more} was kept")


def exit_status_of(execution: Execution, targets: Iterable[TargetResult]) -> int:
    """That of the worst target: 6 when an outcome is unknown, 1 when something failed, else 0."""
    states = {target.state for target in targets}
    if TargetState.LOST in states or execution.status is ExecutionStatus.LOST:
        return UNKNOWN
    if states - {TargetState.SUCCEEDED} or execution.status is not ExecutionStatus.SUCCEEDED:
        return FAILED
    return 0


def state_word(target: TargetResult) -> str:
    """The state, whether it was changed, and after a cancel or a deadline what became of the processes."""
    word = result_word(target)
    if target.kill is None:
        return word
    pids = f" {', '.join(map(str, target.kill.pids))}" if target.kill.pids else ""
    return f"{word} ({target.kill.verdict.value}{pids})"


def _exit(target: TargetResult) -> str:
    if target.signal is not None:
        return f"SIG{target.signal}"
    return "-" if target.exit_code is None else str(target.exit_code)


def _said(target: TargetResult) -> int:
    return target.stdout_bytes + target.stderr_bytes
