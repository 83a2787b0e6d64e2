"""Tasks as rows of the table. Pure: nouns and a clock in, lines out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from deployx_tui.model.execution import ExecutionStatus
from deployx_tui.model.outcome_words import run_word
from deployx_tui.model.schedule import Once
from deployx_tui.model.task import LastRun, Task, TaskState
from deployx_tui.tui.render.line import Line, Span, StyleName, line, span
from deployx_tui.tui.render.progress import bar, glyph, over_count
from deployx_tui.tui.render.safe import SafeText, fit, show
from deployx_tui.tui.render.schedule import schedule_in, zone_mark
from deployx_tui.tui.render.when import ago, ahead
from deployx_tui.tui.render.words import beside_counts

S = ExecutionStatus

#: what a person should look at: the last run went wrong
BAD = frozenset({S.FAILED, S.LOST, S.PARTIALLY_SUCCEEDED, S.MISSED})


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task at a moment: what the cells are made from."""

    task: Task
    now: datetime
    zone: tzinfo


def state_glyph(task: Task) -> tuple[str, StyleName]:
    """`▸` runs, `✗ !` the last run was bad, `‖` paused, `○` not yet run, `●` armed, `·` over."""
    if task.last is not None and task.last.status is S.RUNNING:
        return "▸", "run"
    if task.last is not None and task.last.status is S.AWAITING_APPROVAL:
        return "◇", "warn"
    if task.state is TaskState.PAUSED:
        return "‖", "dim"
    if task.state in (TaskState.FINISHED, TaskState.CANCELLED):
        return "·", "dim"
    if task.last is None:
        return "○", ""
    if task.last.status in BAD:
        return glyph(task.last.status)
    return "●", ""


def glyph_cell(view: TaskView) -> Line:
    text, style = state_glyph(view.task)
    return (Span(SafeText(text), style),)


def name_cell(view: TaskView) -> SafeText:
    return show(view.task.name)


def schedule_cell(view: TaskView, width: int) -> SafeText:
    """`weekly Mon Tue 03:00 JST`, in so many cells."""
    schedule = view.task.draft.schedule
    mark = zone_mark(schedule.zone, view.now, view.zone)
    return show(f"{schedule_in(schedule, width - len(mark) - bool(mark))} {mark}".rstrip())


def on_words(task: Task) -> str:
    """`web+db`: the selector without its signs, for a narrow column."""
    draft = task.draft
    if draft.selector:
        terms = [term.strip() for term in draft.selector.split(",")]
        return "+".join(term.removeprefix("@") for term in terms)
    return "by id"


def targets_cell(view: TaskView, width: int) -> SafeText:
    """Where it runs and on how many: `web+db      31`."""
    count = str(view.task.target_count)
    return SafeText(fit(show(on_words(view.task)), width - len(count) - 1) + " " + count)


def last_cell(view: TaskView) -> Line:
    """`▓▓▓▓▓▓░░ 18/24` while it runs, `! 21/22 1 offline`, `✓ 22/22     7d ago`, `never run`."""
    last = view.task.last
    if last is None:
        return (span("never run", "dim"),)
    total = last.targets.total
    match last.status:
        case S.RUNNING:
            done = over_count(last.targets)
            return (span(bar(done, total, 8), "run"), span(f" {done:2d}/{total}"))
        case S.QUEUED | S.WAITING | S.AWAITING_APPROVAL:
            return line(span(glyph(last.status)[0], glyph(last.status)[1]), f" {run_word(last.status)}")
        case S.SKIPPED | S.MISSED:
            return line(
                span(glyph(last.status)[0], glyph(last.status)[1]), f" {run_word(last.status)}  {_when(last, view)}"
            )
        case _:
            text, style = glyph(last.status)
            counts = f" {last.targets.succeeded:2d}/{total}"
            if last.status is S.SUCCEEDED:
                return line(span(text, style), counts, span(_when(last, view).rjust(max(1, 17 - len(counts))), "dim"))
            # "exit 127 on all 12 targets": the 12 stands there already
            why = beside_counts(last.why).removesuffix(f" {total} targets")
            return line(span(text, style), counts, " ", span(why or run_word(last.status), style))


def _when(last: LastRun, view: TaskView) -> str:
    at = last.finished_at or last.started_at
    return "" if at is None else ago(at, view.now)


def recent_cell(count: int, view: TaskView) -> Line:
    """The last outcomes, oldest first: `✓✓✓!✓✓▸`; bad ones in colour, so that a good row is one piece."""
    parts: list[Span] = []
    for status in view.task.recent[-count:]:
        text, style = glyph(status)
        parts.append(Span(SafeText(text), "" if style == "good" else style))
    return tuple(parts)


def next_cell(view: TaskView) -> Line:
    """`in 29m`, `Sat 22:00`, `paused`, `done`."""
    task = view.task
    match task.state:
        case TaskState.PAUSED:
            return (span("paused", "dim"),)
        case TaskState.FINISHED:
            return (span("done" if isinstance(task.draft.schedule.recurrence, Once) else "ended", "dim"),)
        case TaskState.CANCELLED:
            return (span("cancelled", "dim"),)
        case TaskState.ACTIVE:
            if task.next_execution is None:
                return (span("by hand", "dim"),)
            return (Span(show(ahead(task.next_execution, view.now, view.zone))),)
