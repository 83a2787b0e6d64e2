"""The detail of a task in blocks: next runs, pre-flight, last execution per target, payload. Pure.

`task_layout` says where they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from deployx_tui.model.execution import (
    ALIVE,
    Execution,
    ExecutionStatus,
    OutputGroup,
    TargetResult,
    TargetState,
)
from deployx_tui.model.outcome_words import target_word
from deployx_tui.model.payload import CommandPayload
from deployx_tui.model.schedule import OverlapKind
from deployx_tui.model.task import Task, TaskPreview, TaskState
from deployx_tui.model.words import counted
from deployx_tui.tui.render.fires import fire_line
from deployx_tui.tui.render.line import BLANK, Line, Span, line, span
from deployx_tui.tui.render.parameters import declared_words
from deployx_tui.tui.render.payload import payload_kind, payload_rules, payload_text
from deployx_tui.tui.render.progress import glyph, over_count, target_glyph
from deployx_tui.tui.render.safe import show, show_bytes
from deployx_tui.tui.render.schedule import downtime_words, schedule_words
from deployx_tui.tui.render.when import clock, day_and_clock, short, took
from deployx_tui.tui.render.words import said

_HEIGHTS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """What the detail is made from. None: not read yet, or not to be had."""

    task: Task
    now: datetime
    #: times are shown in it
    zone: tzinfo
    zone_name: str
    preview: TaskPreview | None = None
    targets: tuple[TargetResult, ...] | None = None
    #: newest first
    runs: tuple[Execution, ...] | None = None
    groups: tuple[OutputGroup, ...] | None = None
    #: said where the rest would stand, while it is not read
    missing: str = ""


def detail_title(facts: TaskFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Left and right parts of the pane's title."""
    task = facts.task
    age = short(facts.now - task.updated_at)
    return (task.name,), (f"owner {task.owner}", f"v{task.version} edited {age} ago")


def next_runs(facts: TaskFacts, count: int) -> tuple[Line, ...]:
    """The next instants, with what clock changes do to them."""
    rows: list[Line] = [line(span("NEXT RUNS", "head"), "  ", span(facts.zone_name, "dim"))]
    task = facts.task
    if task.state is TaskState.PAUSED:
        rows.append(line(span("‖ paused", "warn"), ": p resumes it"))
    if facts.preview is None:
        return (*rows, line(span(facts.missing, "warn")))
    if not facts.preview.fires:
        rows.append(line(span("no instant is left", "dim")))
    rows.extend(fire_line(fire, facts.now, facts.zone) for fire in facts.preview.fires[:count])
    return tuple(rows)


def pre_flight(facts: TaskFacts, width: int) -> tuple[Line, ...]:
    """What running it now would meet."""
    if facts.preview is None:
        return ()
    rows: list[Line] = [line(span("PRE-FLIGHT", "head"))]
    count = len(facts.preview.targets)
    by_term: dict[str, int] = {}
    for _, _, why in facts.preview.targets:
        by_term[why] = by_term.get(why, 0) + 1
    where = ", ".join(f"{number} {why}" if len(by_term) > 1 else why for why, number in by_term.items())
    if count:
        rows.append(line(span("✓ ", "good"), f"{counted(count, 'target')}: {where}"))
    for problem in facts.preview.problems:
        rows.extend(said("✗", "bad", problem.message, width))
    for warning in facts.preview.warnings:
        rows.extend(said("!", "warn", warning, width))
    last = facts.task.last
    if last is not None and last.status in ALIVE:
        alone = facts.task.draft.overlap.limit == 1
        what = "another start is skipped meanwhile" if alone else f"{facts.task.draft.overlap.limit} at once may"
        rows.extend(said("▸", "run", f"#{last.id} runs: {what}", width))
    return tuple(rows)


def last_execution(facts: TaskFacts, count: int, width: int) -> tuple[Line, ...]:
    """The last run, and its targets: what wants a person first, then the slowest; good ones fold."""
    last = facts.task.last
    if last is None:
        return (line(span("LAST EXECUTION", "head")), line(span("never run", "dim")), line("x runs it now"))
    mark, style = glyph(last.status)
    done = over_count(last.targets) if last.status in ALIVE else last.targets.succeeded
    head = [
        span("LAST EXECUTION ", "head"),
        span(f"#{last.id}  "),
        span(mark, style),
        span(f" {done}/{last.targets.total}"),
    ]
    if last.started_at and last.finished_at:
        head.append(span(f"  {took(last.finished_at - last.started_at)}"))
    rows: list[Line] = [tuple(head)]
    if last.started_at is not None:
        end = "running" if last.finished_at is None else clock(last.finished_at, facts.zone, seconds=True)
        rows.append(line(f"{day_and_clock(last.started_at, facts.zone, seconds=True)} → {end}"))
    if last.why:
        rows.append(line(span(last.why, style)))
    if facts.targets is not None:
        rows.extend(target_lines(facts.targets, facts.now, max(1, count - len(rows)), width))
    return tuple(rows)


def target_lines(targets: Sequence[TargetResult], now: datetime, count: int, width: int) -> tuple[Line, ...]:
    """Up to `count` lines; the last one counts what is folded."""
    order = sorted(targets, key=lambda target: (_rank(target), -_seconds(target, now), target.device))
    longest = max((_seconds(target, now) for target in targets), default=0.0)
    name_width = min(16, max((len(target.device) for target in targets), default=0))
    shown = order if len(order) <= count else order[: max(0, count - 1)]
    rows = [_target_line(target, now, longest, name_width, width) for target in shown]
    folded = order[len(shown) :]
    if folded:
        signs = [target_glyph(target.state)[0] for target in folded]
        words = [f"{number} {mark}" for mark in "✗▸✓·" if (number := signs.count(mark))]
        seconds = sorted(_seconds(target, now) for target in targets if target.state is TargetState.SUCCEEDED)
        spread_words = ""
        if len(seconds) >= 4:
            middle, high = seconds[len(seconds) // 2], seconds[min(len(seconds) - 1, len(seconds) * 95 // 100)]
            spread_words = f"     p50 {_took(middle)}   p95 {_took(high)}"
        rows.append(line(span(f"… {'  '.join(words)} more{spread_words}", "dim")))
    return tuple(rows)


_RANK = {
    TargetState.LOST: 0,
    TargetState.FAILED: 0,
    TargetState.UNREACHABLE: 0,
    TargetState.TIMED_OUT: 0,
    TargetState.CANCELLED: 1,
    TargetState.RUNNING: 2,
    TargetState.SUCCEEDED: 3,
    TargetState.SKIPPED: 4,
    TargetState.WAITING: 5,
}


def _rank(target: TargetResult) -> int:
    return _RANK[target.state]


def _seconds(target: TargetResult, now: datetime) -> float:
    if target.started_at is None:
        return 0.0
    return ((target.finished_at or now) - target.started_at).total_seconds()


def _took(seconds: float) -> str:
    return took(timedelta(seconds=seconds))


def _target_line(target: TargetResult, now: datetime, longest: float, name_width: int, width: int) -> Line:
    mark, style = target_glyph(target.state)
    name = show(target.device)[:name_width].ljust(name_width)
    if target.started_at is None:
        return line(f"{name} ", span(mark, style), span(f" {target_word(target.state)}", "dim"))
    seconds = _seconds(target, now)
    if target.state in (TargetState.SUCCEEDED, TargetState.RUNNING):
        room = max(4, width - name_width - 12)
        return line(
            f"{name} ", span(mark, style), f" {_took(seconds):>6}  ", span(_bar(seconds, longest, min(16, room)), "dim")
        )
    return line(
        f"{name} ",
        span(mark, style),
        f" {_took(seconds):>6}  ",
        span(target.error_message or target_word(target.state), style),
    )


def _bar(value: float, most: float, width: int) -> str:
    """A thin line as long as the share: it repeats the number, so it stays quiet."""
    if most <= 0:
        return ""
    halves = max(1, round(value / most * width * 2))
    return "━" * (halves // 2) + "╸" * (halves % 2)


def output_lines(facts: TaskFacts, count: int) -> tuple[Line, ...]:
    """What the largest group of equal outputs said, and how many differ."""
    if not facts.groups:
        return ()
    total = sum(len(group.devices) for group in facts.groups)
    first = facts.groups[0]
    if len(facts.groups) == 1:
        says = f"same on all {total}" if total > 1 else first.devices[0][1] if first.devices else ""
    else:
        says = f"same on {len(first.devices)} of {total}, {len(facts.groups)} kinds"
    rows: list[Line] = [line(span("OUTPUT", "head"), "  ", says)]
    pieces = [piece for piece in first.sample.split(b"\n") if piece.strip()]
    rows.extend(line("  ", Span(show_bytes(piece))) for piece in pieces[: max(0, count - 1)])
    if not pieces:
        rows.append(line(span("  (nothing)", "dim")))
    return tuple(rows[:count])


def durations(facts: TaskFacts) -> tuple[Line, ...]:
    """How long the last runs took, as heights; the sum is in the two ends."""
    spans = [
        run.finished_at - run.started_at
        for run in reversed(facts.runs or ())
        if run.started_at is not None and run.finished_at is not None and run.status is not ExecutionStatus.SKIPPED
    ][-12:]
    if len(spans) < 2:
        return ()
    most = max(spans)
    heights = "".join(_HEIGHTS[min(7, int(each / most * 7.999)) if most > timedelta(0) else 0] for each in spans)
    ends = took(min(spans)) if min(spans) == most else f"{took(min(spans))} to {took(most)}"
    return (line(span(f"LAST {len(spans)} DURATIONS", "head")), line(f"{heights}  {ends}"))


def payload_lines(facts: TaskFacts, width: int) -> tuple[Line, ...]:
    """What is sent, whole, and the rules around it."""
    draft = facts.task.draft
    rows: list[Line] = [line(span("PAYLOAD", "head"), f"  {payload_kind(draft.payload)}")]
    rows.extend(payload_text(draft.payload, facts.task.stock, width))
    rows.append(BLANK)
    rules = task_rules(facts.task)
    size = max(9, *(len(name) for name, _ in rules))
    rows.extend(line(span(f"{name:{size}} ", "dim"), value) for name, value in rules)
    return tuple(rows)


def task_rules(task: Task) -> tuple[tuple[str, str], ...]:
    """Name and value of what rules a run, in the order of the editor."""
    draft, payload = task.draft, task.draft.payload
    overlap = "skip this run" if draft.overlap.kind is OverlapKind.SKIP else f"up to {draft.overlap.limit} at once"
    rows: list[tuple[str, str]] = [
        ("schedule", f"{schedule_words(draft.schedule)}  {draft.schedule.zone}"),
        (
            "targets",
            draft.selector
            or f"{counted(len(draft.device_ids), 'device')}, {counted(len(draft.group_ids), 'group')} by id",
        ),
        ("timeout", "none" if draft.timeout is None else f"{short(draft.timeout)} per target"),
        ("overlap", overlap),
        ("downtime", downtime_words(draft.grace)),
    ]
    rows.extend(payload_rules(payload))
    if payload.parameters:
        rows.append(("gives", declared_words(payload.parameters)))
    if isinstance(payload, CommandPayload) and payload.success_codes != frozenset({0}):
        rows.append(("success", "exit " + ", ".join(str(code) for code in sorted(payload.success_codes))))
    if draft.tags:
        rows.append(("tags", " ".join(sorted(draft.tags))))
    if draft.description:
        rows.append(("about", draft.description))
    return tuple(rows)
