"""What can be done with a run, wherever one is under the cursor: rerun, cancel, export."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import work

from deployx_tui.errors import DeployxError
from deployx_tui.model.execution import DEFAULT_RERUN, Execution, OutputGap, TargetState
from deployx_tui.model.ids import DeviceId, ExecutionId
from deployx_tui.model.outcome_words import run_word
from deployx_tui.model.words import counted
from deployx_tui.service.download import Format, file_name, form_of, write
from deployx_tui.tui.bridge import Changed
from deployx_tui.tui.render.line import BLANK, Line, line, span
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.progress import glyph
from deployx_tui.tui.render.targets import bad_count
from deployx_tui.tui.screens.ask import Ask
from deployx_tui.tui.screens.dialogs import Choice, Question, confirm
from deployx_tui.tui.screens.guarding import guard_lines, guard_of
from deployx_tui.tui.screens.place import Place

_S = TargetState
#: what a rerun with the usual scope takes up: failed, lost, and what never started
_RERUN_STATES = frozenset({_S.FAILED, _S.UNREACHABLE, _S.TIMED_OUT, _S.LOST, _S.WAITING, _S.CANCELLED, _S.SKIPPED})


_OF_A_RUN = frozenset({"rerun", "rollback", "cancel_run", "export", "open_run"})


class RunActs(Place):
    """A place where a run can be acted on."""

    @property
    def run_here(self) -> Execution | None:
        """The run under the cursor; None: there is none."""
        raise NotImplementedError

    #: a run that was told to stop; its end is said when it comes
    _stopping: ExecutionId | None = None

    def on_changed(self, message: Changed) -> None:
        if self._stopping is not None and (message.everything or self._stopping in message.executions):
            self._say_stopped()

    def on_screen_resume(self) -> None:
        if self._stopping is not None:
            self._say_stopped()

    @work(group="stopped", exclusive=True)
    async def _say_stopped(self) -> None:
        """In place of "is being cancelled": what became of it."""
        if self._stopping is None or not self.bridge.is_up:
            return
        run = await self.attempt(self.bridge.backend.executions.get(self._stopping))
        if run is None or run.status.is_alive:
            return
        self._stopping = None
        sign, style = glyph(run.status)
        stopped = f"{run.targets.cancelled} of {counted(run.targets.total, 'target')} stopped"
        self.tell(f"{sign} #{run.id} is over: {run_word(run.status)}, {stopped}", style)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        run = self.run_here if action in _OF_A_RUN else None
        match action:
            case "rerun":
                return run is not None and not run.status.is_alive and _rerunnable(run) > 0
            case "rollback":
                return run is not None and not run.status.is_alive and run.targets.changed > 0
            case "cancel_run":
                return run is not None and run.status.is_alive
            case "export":
                return run is not None and run.targets.total > 0
            case _:
                return super().check_action(action, parameters)

    def open_execution(self, execution: ExecutionId, known: Execution | None = None) -> None:
        """Its screen; `known` is what is known of it already."""
        from deployx_tui.tui.screens.execution import ExecutionPlace  # noqa: PLC0415 - they name each other

        self.app.push_screen(ExecutionPlace(execution, known))

    @work(group="act", exclusive=True)
    async def action_rerun(self) -> None:
        run = self.run_here
        if run is None:
            return
        count = _rerunnable(run)
        devices = await self._devices(run, _RERUN_STATES)
        found = None if devices is None else await guard_of(self, devices)
        if found is None:
            return
        question = confirm(
            f"Rerun #{run.id} {run.task_name} on {counted(count, 'target')}?",
            (
                line("  those that failed, were lost or never started: "),
                *_names_lines(found.names, count),
                *guard_lines(found),
                BLANK,
                line(span("  command  ", "dim"), span(run.summary)),
                line(span("  The stored plan runs again, also if the task was changed since.", "dim")),
            ),
            "rerun",
            f"runs on {counted(count, 'target')} now",
            typed=found.word,
        )
        if not await self.app.push_screen_wait(question):
            return
        started = await self.attempt(self.bridge.backend.executions.rerun(run.id, str(uuid.uuid4()), DEFAULT_RERUN))
        if started is not None:
            self.tell(f"✓ #{started} runs on {counted(count, 'target')} of #{run.id}")
            self.open_execution(started)

    @work(group="act", exclusive=True)
    async def action_rollback(self) -> None:
        run = self.run_here
        if run is None:
            return
        changed = await self._devices(run, changed=True)
        found = None if changed is None else await guard_of(self, changed)
        if found is None:
            return
        count = run.targets.changed
        question = Question(
            f"Roll back #{run.id} {run.task_name} on {counted(count, 'target')}?",
            (
                line("  where it changed something, and nowhere else:"),
                *_names_lines(found.names, count),
                *guard_lines(found),
                BLANK,
                line(span("  it did    ", "dim"), span(run.summary)),
                line(span("  What was there before comes back; the rollback is a run of its own.", "dim")),
            ),
            (
                Choice(False, "roll back", "leaves alone what somebody changed since"),
                Choice(True, "force it", "also what somebody changed since: their change is lost"),
            ),
            typed=found.word,
        )
        force = await self.app.push_screen_wait(question)
        if force is None:
            return
        started = await self.attempt(self.bridge.backend.executions.rollback(run.id, str(uuid.uuid4()), force=force))
        if started is not None:
            self.tell(f"✓ #{started} rolls #{run.id} back on {counted(count, 'target')}")
            self.open_execution(started)

    @work(group="act", exclusive=True)
    async def action_cancel_run(self) -> None:
        run = self.run_here
        if run is None:
            return
        runs = await self._devices(run, frozenset({TargetState.RUNNING}))
        waits = await self._devices(run, frozenset({TargetState.WAITING}))
        found = None if runs is None or waits is None else await guard_of(self, runs | waits)
        if runs is None or found is None:
            return
        running, waiting = run.targets.running, run.targets.waiting
        stopping = running + waiting
        question = Question(
            f"Cancel #{run.id} {run.task_name}?",
            (
                line(f"  {running:>4} running: their processes are killed and looked at"),
                *_names_lines(sorted(runs.values()), running),
                line(f"  {waiting:>4} waiting: they never start"),
                line(f"  {run.targets.total - stopping:>4} over: they stay as they are"),
                *guard_lines(found),
            ),
            (Choice(True, "stop it", f"stops {counted(stopping, 'target')}"),),
            typed=found.word,
            cancel="leave it",  # "cancel" would have two meanings here
        )
        if await self.app.push_screen_wait(question):
            stopped = await self.attempt(self.bridge.backend.executions.cancel(run.id))
            if stopped is not None:
                self.tell(f"· #{run.id} is being cancelled", "warn")
                self._stopping = run.id
                self._say_stopped()
                self.reload()

    @work(group="act", exclusive=True)
    async def action_export(self) -> None:
        run = self.run_here
        if run is None:
            return
        answer = await self.app.push_screen_wait(
            Ask(
                f"Export #{run.id} {run.task_name}",
                (
                    line("  the run and the whole output of each target, as one file for you alone"),
                    line(span("  a name that ends in .zip: an archive with a file for each target and stream", "dim")),
                ),
                value=str(Path.cwd() / file_name(run, Format.TEXT)),
                prompt="file ",
                word="write it",
            )
        )
        if answer is None:
            return
        path = Path(answer).expanduser()

        def told(done: int, total: int) -> None:
            if done % 20 == 0:
                self.tell(f"exporting: {done} of {counted(total, 'target')}")

        unreadable: list[OutputGap] = []

        def look(_: str, gaps: Iterable[OutputGap]) -> None:
            unreadable.extend(gap for gap in gaps if gap.reason)

        try:
            size = await write(self.bridge.backend, run.id, path, form_of(path), self.bridge.zone, told, look)
        except FileExistsError:
            self.tell(f"✗ a file of that name exists and is left as it is: {path}", "bad")
        except OSError as error:
            self.tell(f"✗ {error.strerror}: {path}", "bad")
        except DeployxError as error:
            self.tell_error(error)
        else:
            if unreadable:
                missing = sum(gap.size for gap in unreadable)
                self.tell(f"✗ {missing:,} bytes can't be read: {unreadable[0].reason}; the rest is in {path}", "bad")
            else:
                self.tell(f"✓ {size:,} bytes written to {path}")

    async def _devices(
        self, run: Execution, states: frozenset[TargetState] = frozenset(), *, changed: bool = False
    ) -> dict[DeviceId, str] | None:
        """The run's targets in one of these states, or those on which it changed something; None: they could not be
        read, and the person was told."""
        devices: dict[DeviceId, str] = {}
        cursor: str | None = None
        while True:
            page = await self.attempt(self.bridge.backend.executions.targets(run.id, states, cursor=cursor))
            if page is None:
                return None
            devices.update(
                (target.device_id, target.device) for target in page.items if target.changed is True or not changed
            )
            cursor = page.next_cursor
            if cursor is None:
                return devices


def _rerunnable(run: Execution) -> int:
    """Targets that a rerun takes up."""
    counts = run.targets
    return bad_count(counts) + counts.cancelled + counts.skipped + counts.waiting


def _names_lines(names: Sequence[str], count: int) -> tuple[Line, ...]:
    if not names:
        return ()
    return (line(span(f"       {in_room(names, 60, total=count)}", "dim")),)
