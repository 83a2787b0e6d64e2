"""What stands below the history: causes, equal output, and the last good run of the same task. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from deployx_tui.model.execution import CauseCount, Execution, ExecutionStatus, OutputGroup
from deployx_tui.model.outcome_words import changed_words, run_word
from deployx_tui.model.words import counted
from deployx_tui.tui.render import sgr
from deployx_tui.tui.render.history import FoldRow, took_words, why_words
from deployx_tui.tui.render.line import BLANK, Line, beside, line, span, spread
from deployx_tui.tui.render.names import in_room
from deployx_tui.tui.render.progress import glyph
from deployx_tui.tui.render.safe import cells, show
from deployx_tui.tui.render.targets import done_of, sums
from deployx_tui.tui.render.when import day_and_clock
from deployx_tui.tui.render.why import cause_lines


@dataclass(frozen=True, slots=True)
class RunDetail:
    """What was read of one run."""

    run: Execution
    causes: tuple[CauseCount, ...] = ()
    groups: tuple[OutputGroup, ...] = ()
    #: the newest good run of the same task before it; None: there is none, or it is an ad-hoc run
    last_good: Execution | None = None
    #: not good runs of the task since then, this one included
    bad_since: int = 0
    #: False: only the run's own row is known; what stands empty here is not known yet
    is_read: bool = False


def title_words(run: Execution, zone: tzinfo, width: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Left and right end of the title: the plan, then why, are left out where something would be cut for them."""
    sign, _ = glyph(run.status)
    state = f"{sign} {run_word(run.status)} {done_of(run.targets, run.status.is_alive)}"
    at = run.started_at or run.due_at
    left = (f"#{run.id} {run.task_name}", state, day_and_clock(at, zone, seconds=True))
    right = [why_words(run)] if why_words(run) else []
    if run.plan_sha256:
        right.append(f"plan {run.plan_sha256[:4]}…{run.plan_sha256[-4:]}")
    # each part stands between rules of three cells
    while right and sum(cells(show(part)) + 3 for part in (*left, *right)) + 1 > width:
        right.pop()
    return left, tuple(right)


def group_lines(groups: Sequence[OutputGroup], width: int) -> tuple[Line, ...]:
    """`19×  web01-web19` and below it the first line of what they said."""
    made: list[Line] = []
    for each in groups:
        head = f"{len(each.devices):>3}×  "
        names = in_room([name for _, name in each.devices], max(8, width - len(head)))
        made.append(line(span(head), span(names)))
        made.append(line(span("     "), *sample_spans(each)))
    return tuple(made)


def sample_spans(group: OutputGroup) -> Line:
    """What they said, behind a rule: it must not read as one more name."""
    return (span(" │ ", "dim"), span(sample_of(group), "dim"))


def sample_of(group: OutputGroup) -> str:
    """The first line of a group's output that says something."""
    for raw in group.sample.split(b"\n"):
        text = sgr.stripped(raw.rstrip(b"\r").rpartition(b"\r")[2])
        if text.strip():
            return text
    return "no output"


def since_lines(detail: RunDetail, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """This run beside the last good one: only what both rows say."""
    run, good = detail.run, detail.last_good
    if not detail.is_read:
        return ()
    if run.task_id is None:
        return (line(span("an ad-hoc run has no earlier ones", "dim")),)
    if run.status is ExecutionStatus.SUCCEEDED:
        return (line(span("✓ ", "good"), span("this run is good")), *_took(detail, now))
    if good is None:
        return (line(span("this task had no good run before", "dim")),)
    at = good.started_at or good.due_at
    made = [
        line(span(f"#{good.id}  {day_and_clock(at, zone)}  "), span("✓ ", "good"), span(done_of(good.targets, False))),
    ]
    if detail.bad_since:
        made.append(line(span(f"{counted(detail.bad_since, 'run')} since then not good", "warn")))
    made.append(BLANK)
    if run.plan_sha256 and good.plan_sha256:
        same = run.plan_sha256 == good.plan_sha256
        made.append(line(span("plan    ", "dim"), span("same" if same else "another one", "" if same else "warn")))
    if run.summary != good.summary:
        made.append(line(span("command ", "dim"), span("another: ", "warn"), span(good.summary)))
    if run.targets.total != good.targets.total:
        made.append(line(span("targets ", "dim"), span(f"{good.targets.total} → {run.targets.total}")))
    return (*made, *_took(detail, now))


def _took(detail: RunDetail, now: datetime) -> tuple[Line, ...]:
    here = took_words(detail.run, now)
    before = took_words(detail.last_good, now) if detail.last_good is not None else ""
    if not here:
        return ()
    return (line(span("took    ", "dim"), span(f"{before} → {here}" if before else here)),)


def detail_lines(detail: RunDetail, width: int, height: int, now: datetime, zone: tzinfo) -> tuple[Line, ...]:
    """Three columns on a wide screen; on a narrow one the causes, else the equal outputs."""
    causes = cause_lines(detail.causes, _column(width))
    groups = group_lines(detail.groups, _column(width))
    bad = sum(len(each.devices) for each in detail.causes)
    if width < 100:
        return _narrow(detail, width, height, now)
    first: tuple[Line, ...]
    if not detail.is_read:
        first = (_head("FAILURES BY CAUSE", "", width),)
    elif bad:
        first = (_head("FAILURES BY CAUSE", f"{counted(bad, 'target')}", width), *causes)
    else:
        first = (_head("FAILURES BY CAUSE", "", width), line(span(_no_failure(detail.run), "dim")))
    finished = sum(len(each.devices) for each in detail.groups)
    count = len(detail.groups)
    word_ = f"{counted(count, 'group')} of {finished}" if groups else ""
    none_yet = (line(span("no target is over yet", "dim")),) if detail.is_read else ()
    second = (_head("EQUAL OUTPUT", word_, width), *(groups or none_yet))
    third = (line(span("SINCE THE LAST GOOD RUN", "head")), *since_lines(detail, now, zone))
    size = _column(width)
    return beside(((first, size), (second, size), (third, width - 2 * size - 5)), height)


def _column(width: int) -> int:
    return max(20, (width - 6) // 3)


def _head(title: str, right: str, width: int) -> Line:
    return spread(line(span(title, "head")), line(span(right, "dim"), " "), _column(width))


def _no_failure(run: Execution) -> str:
    if run.status.is_alive:
        return "none so far"
    return "none" if run.targets.total else why_words(run) or "no target was tried"


def _counts(run: Execution) -> Line:
    """`✓ 3   ▸ 2   · 1`: what its row says of its targets."""
    if not run.targets.total:
        return (span("not resolved yet" if run.status.is_alive else why_words(run) or "none was tried"),)
    counted = [(sign, style, count) for sign, style, count in sums(run.targets) if count]
    parts = [(span(f"{sign} ", style), span(f"{count}   ")) for sign, style, count in counted]
    changed = f"   {changed_words(run.targets)}" if changed_words(run.targets) else ""
    return (*(each for part in parts for each in part), span(f"of {run.targets.total}{changed}", "dim"))


def _narrow(detail: RunDetail, width: int, height: int, now: datetime) -> tuple[Line, ...]:
    took = took_words(detail.run, now)
    made: list[Line] = [line(span(" command  ", "dim"), span(detail.run.summary))]
    if detail.causes:
        made += [(span(" "), *each) for each in cause_lines(detail.causes, width - 2)]
    else:
        made.append((span(" targets  ", "dim"), *_counts(detail.run), span(f"   took {took}" if took else "")))
    for each in detail.groups:
        names = in_room([name for _, name in each.devices], 24)
        made.append(line(span(f" {len(each.devices):>3}× "), span(names), *sample_spans(each)))
    return tuple(made[:height])


def fold_lines(row: FoldRow, width: int, height: int) -> tuple[Line, ...]:
    """What a fold holds: its tasks, by how often they ran."""
    counted = Counter(run.task_name for run in row.runs)
    cell = 36
    columns = max(1, (width - 2) // cell)
    made: list[Line] = [line(span(f" {len(row.runs)} GOOD RUNS", "head"), span("   enter shows each of them", "dim"))]
    entries = counted.most_common()
    room = max(1, (height - 1) * columns)
    shown = entries[: room - 1] if len(entries) > room else entries
    cells = [f"{count:>4}  {name}" for name, count in shown]
    if len(entries) > len(shown):
        cells.append(f"   …  {len(entries) - len(shown)} more tasks")
    rows = -(-len(cells) // columns)
    for index in range(rows):
        parts = [span(f" {cells[at]:<{cell}.{cell}}") for at in range(index, len(cells), rows)]
        made.append(tuple(parts))
    return tuple(made[:height])
