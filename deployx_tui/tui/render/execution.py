"""A run as rows: targets with what wants a person first, equal outputs, causes, the last runs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from statistics import median, quantiles

from deployx_tui.model.execution import (
    CauseCount,
    Execution,
    ExecutionStatus,
    OutputGroup,
    TargetResult,
    TargetState,
    TransferProgress,
)
from deployx_tui.model.fact_words import sized
from deployx_tui.model.outcome_words import changed_words, result_word, run_word, target_word
from deployx_tui.model.parameter import Value
from deployx_tui.model.words import counted
from deployx_tui.tui.render.history import took_words
from deployx_tui.tui.render.line import BLANK, Line, StyleName, fit_line, line, span, spread
from deployx_tui.tui.render.names import in_room, natural
from deployx_tui.tui.render.parameters import value_lines
from deployx_tui.tui.render.progress import glyph as status_glyph
from deployx_tui.tui.render.progress import target_glyph as glyph
from deployx_tui.tui.render.run_detail import sample_spans
from deployx_tui.tui.render.targets import ORDER, took_seconds
from deployx_tui.tui.render.transfer import together, transfer_line
from deployx_tui.tui.render.when import clock, day_and_clock, took
from deployx_tui.tui.render.why import cause_lines, class_of, short_why

_RANK = {state: rank for rank, state in enumerate(ORDER)}
_SPARKS = "▁▂▃▄▅▆▇█"
#: cells of the state of a target
STATE_WIDTH = 13
#: an estimate wants so many earlier good runs
_ENOUGH = 3


@dataclass(frozen=True, slots=True)
class TargetRow:
    target: TargetResult
    now: datetime

    @property
    def key(self) -> object:
        return self.target.device_id


@dataclass(frozen=True, slots=True)
class GoodFold:
    """Targets that are well, as one counted line."""

    count: int
    #: "slowest web03 9.8s"; "" when they were not read
    note: str

    @property
    def key(self) -> object:
        return "good"


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Targets that said the same."""

    group: OutputGroup

    @property
    def key(self) -> object:
        return self.group.digest


RunLine = TargetRow | GoodFold | GroupRow


def target_rows(targets: Sequence[TargetResult], good_count: int, now: datetime, *, show_good: bool) -> list[RunLine]:
    """What wants a person first, then what runs and waits; the good ones last, folded unless `show_good`."""
    ordered = sorted(targets, key=lambda target: (_RANK[target.state], natural(target.device)))
    good = [target for target in ordered if target.state is TargetState.SUCCEEDED]
    if show_good or good_count <= 1:
        return [TargetRow(target, now) for target in ordered]
    rows: list[RunLine] = [TargetRow(target, now) for target in ordered if target.state is not TargetState.SUCCEEDED]
    if good_count:
        rows.append(GoodFold(good_count, _good_note(good, good_count, now)))
    return rows


def _good_note(good: Sequence[TargetResult], count: int, now: datetime) -> str:
    times = [(seconds, target.device) for target in good if (seconds := took_seconds(target, now)) is not None]
    if len(good) < count or not times:
        return ""
    slowest, name = max(times)
    words = [f"slowest {name} {took(timedelta(seconds=slowest))}"]
    changed = [target.changed for target in good if target.changed is not None]
    if changed:
        # whether anything was changed is what one looks for: how long it took comes behind
        words.insert(0, f"changed {sum(changed)}, unchanged {len(changed) - sum(changed)}")
    return "  ".join(words)


def across(row: RunLine, width: int) -> Line | None:
    match row:
        case GoodFold(count, note):
            text = line(span("   … ", "dim"), span(f"{count} "), span("✓ ", "good"), span("more"))
            return fit_line((*text, span(f"   {note}" if note else "", "dim")), width)
        case GroupRow(group):
            size = max(16, width // 2 - 10)
            head = line(
                span(f"   {len(group.devices):>4}×  "), span(in_room([name for _, name in group.devices], size))
            )
            return fit_line((*fit_line(head, size + 9), *sample_spans(group)), width)
        case TargetRow():
            return None


def _target(row: RunLine) -> TargetRow:
    if not isinstance(row, TargetRow):
        raise TypeError("folds and groups are drawn across")
    return row


def glyph_cell(row: RunLine) -> Line:
    sign, style = glyph(_target(row).target.state)
    return (span(sign, style),)


def name_cell(row: RunLine) -> Line:
    return (span(_target(row).target.device),)


def state_cell(row: RunLine) -> Line:
    target = _target(row).target
    text = result_word(target)
    if target.state is TargetState.RUNNING and target.attempts > 1:
        text = f"attempt {target.attempts}"
    if target.state is TargetState.RUNNING and target.progress is not None:
        text = _share(target.progress)
    return (span(text, glyph(target.state)[1]),)


def _share(progress: TransferProgress) -> str:
    """ "45 % 30 MiB/s", as far as the column has room."""
    share = f"{100 * progress.done // max(1, progress.total)} %"
    whole = f"{share} {sized(progress.rate)}/s"
    return whole if progress.rate and len(whole) <= STATE_WIDTH else share


def exit_cell(row: RunLine) -> Line:
    target = _target(row).target
    if target.exit_code is not None:
        return (span(str(target.exit_code), "" if target.state is TargetState.SUCCEEDED else "bad"),)
    if target.signal is not None:
        return (span(target.signal, "bad"),)
    return (span("" if target.state is TargetState.WAITING else "-", "dim"),)


def time_cell(row: RunLine) -> Line:
    view = _target(row)
    seconds = took_seconds(view.target, view.now)
    if seconds is None:
        return ()
    if not view.target.state.is_over:
        seconds = int(seconds) if seconds >= 10 else seconds
    return (span(took(timedelta(seconds=seconds))),)


def why_cell(row: RunLine) -> Line:
    return (span(short_why(_target(row).target)),)


# the frame of the run


def left_words(run: Execution, targets: Sequence[TargetResult], zone: tzinfo, *, narrow: bool) -> tuple[str, ...]:
    """`History ▸ web-cert-renew ▸ #8841`, by whom and when, the batch."""
    words = [f"#{run.id} {run.task_name}"] if narrow else [f"History ▸ {run.task_name} ▸ #{run.id}"]
    if not narrow:
        at = run.started_at or run.due_at
        words.append(f"by {run.by} {day_and_clock(at, zone, seconds=True)}")
    batches = max((target.batch for target in targets), default=1)
    if batches > 1:
        now = min((target.batch for target in targets if not target.state.is_over), default=batches)
        words.append(f"batch {now} of {batches}")
    return tuple(words)


def right_words(run: Execution, earlier: Sequence[Execution], now: datetime) -> tuple[tuple[str, ...], StyleName]:
    """The verdict: how it stands, since when, and how long still when earlier runs say so."""
    sign, style = status_glyph(run.status)
    took_ = took_words(run, now)
    if run.status is ExecutionStatus.WAITING and run.wait_reason:
        return (f"{sign} waits for {run.wait_reason}",), style
    words = [f"{sign} {run_word(run.status)} {took_}".rstrip()]
    if changed_words(run.targets):
        words.append(changed_words(run.targets))
    left = time_left(run, earlier, now)
    if left is not None:
        words.append(f"about {took(left)} left")
    return tuple(words), style


def time_left(run: Execution, earlier: Sequence[Execution], now: datetime) -> timedelta | None:
    """Median of the task's earlier good runs on as many targets, less what passed; None: nothing true to say."""
    if run.status is not ExecutionStatus.RUNNING or run.started_at is None:
        return None
    times = [
        (each.finished_at - each.started_at).total_seconds()
        for each in earlier
        if each.status is ExecutionStatus.SUCCEEDED
        and each.targets.total == run.targets.total
        and each.started_at is not None
        and each.finished_at is not None
    ]
    if len(times) < _ENOUGH:
        return None
    left = timedelta(seconds=round(median(times))) - (now - run.started_at)
    return left if left > timedelta(0) else None


# what stands below the targets


def facts_lines(
    run: Execution,
    values: Sequence[Value],
    groups: Sequence[OutputGroup],
    causes: Sequence[CauseCount],
    earlier: Sequence[Execution],
    width: int,
    now: datetime,
    *,
    targets: Sequence[TargetResult] = (),
    most_groups: int = 4,
) -> tuple[Line, ...]:
    """FILES ON THEIR WAY, PARAMETERS, SAME OUTPUT, FAILURES BY CAUSE, LAST RUNS: each if there is something to say."""
    made: list[Line] = []
    moving = together(targets)
    if moving is not None:
        count = sum(target.progress is not None for target in targets)
        made.append(_head("FILES ON THEIR WAY", f"to {counted(count, 'target')}", width))
        made += [(span("  "), *transfer_line(moving)), BLANK]
    if values:
        chosen = sum(not each.is_default for each in values)
        made.append(_head("PARAMETERS", f"{chosen} of {len(values)} given", width))
        made += [*value_lines(values, width), BLANK]
    if groups:
        finished = sum(len(each.devices) for each in groups)
        made.append(_head("SAME OUTPUT", f"{counted(len(groups), 'kind')} on {counted(finished, 'target')}", width))
        made += [_group_line(each, width) for each in groups[:most_groups]]
        if len(groups) > most_groups:
            rest = sum(len(each.devices) for each in groups[most_groups:])
            made.append(
                line(span(f"  … {counted(len(groups) - most_groups, 'more group')}, {counted(rest, 'target')}", "dim"))
            )
        made.append(BLANK)
    if causes:
        bad = sum(len(each.devices) for each in causes)
        made.append(_head("FAILURES BY CAUSE", f"{counted(bad, 'target')}", width))
        made += cause_lines(causes, width - 1)
        made.append(BLANK)
    made += last_runs_lines(run, earlier, width, now)
    while made and made[-1] == BLANK:
        made.pop()
    return tuple(made)


def _head(title: str, right: str, width: int) -> Line:
    return spread(line(span(f" {title}", "head")), line(span(f"{right} ", "dim")), width)


def _group_line(group: OutputGroup, width: int) -> Line:
    room = max(12, width // 2 - 8)
    names = in_room([name for _, name in group.devices], room)
    head = fit_line(line(span(f"{len(group.devices):>4}×  "), span(names)), room + 8)
    return fit_line((*head, *sample_spans(group)), width)


def last_runs_lines(run: Execution, earlier: Sequence[Execution], width: int, now: datetime) -> tuple[Line, ...]:
    """Durations as little bars and outcomes as glyphs, oldest first, this run last."""
    runs = [*sorted(earlier, key=lambda each: each.id), run][-20:]
    if len(runs) < 2:
        return ()
    times = [_seconds(each) for each in runs]
    known = sorted(seconds for seconds in times if seconds is not None)
    bars = "".join(_spark(seconds, known) for seconds in times)
    signs = tuple(span(*status_glyph(each.status)) for each in runs)
    words = ""
    if len(known) >= _ENOUGH:
        p95 = quantiles(known, n=20)[-1]
        words = f"   p50 {took(timedelta(seconds=median(known)))}   p95 {took(timedelta(seconds=min(p95, known[-1])))}"
    return (
        _head(f"LAST {len(runs)} RUNS", f"now {took_words(run, now)}" if run.status.is_alive else "", width),
        line(f"   {bars}", span(words, "dim")),
        (span("   "), *signs),
    )


def _seconds(run: Execution) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return max(0.0, (run.finished_at - run.started_at).total_seconds())


def _spark(seconds: float | None, known: Sequence[float]) -> str:
    if seconds is None:
        return " "
    low, high = known[0], known[-1]
    if high <= low:
        return _SPARKS[0]
    return _SPARKS[min(7, int((seconds - low) / (high - low) * 8))]


def tail_words(target: TargetResult | None, zone: tzinfo) -> tuple[str, ...]:
    """The title of the output: whose it is, how it stands, why in two words; the whole of it stands below."""
    if target is None:
        return ("output",)
    sign, _ = glyph(target.state)
    words = [target.device, f"{sign} {target_word(target.state)}"]
    if class_of(target):
        words.append(class_of(target))
    elif target.state is TargetState.RUNNING and target.started_at is not None:
        words.append(f"since {clock(target.started_at, zone, seconds=True)}")
    if target.output_cut:
        words.append("output cut")
    if target.durable:
        words.append("durable: its streams as they were polled")
    if target.kill is not None:
        pids = " ".join(map(str, target.kill.pids))
        words.append(f"after the kill: {target.kill.verdict.value} {pids}".rstrip())
    return tuple(words)
