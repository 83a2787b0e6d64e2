"""The history as rows: days, runs that want a look, and good runs folded into counted lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from deployx_tui.model.execution import Execution, ExecutionStatus, Trigger
from deployx_tui.model.ids import ExecutionId
from deployx_tui.model.outcome_words import changed_words, run_word
from deployx_tui.model.words import counted
from deployx_tui.tui.render.line import Line, Span, StyleName, fit_line, line, span
from deployx_tui.tui.render.progress import glyph
from deployx_tui.tui.render.targets import bad_count, done_of
from deployx_tui.tui.render.when import clock, took
from deployx_tui.tui.render.words import beside_counts

_S = ExecutionStatus

#: statuses that a look for failures shows
FAILURES = frozenset({_S.FAILED, _S.PARTIALLY_SUCCEEDED, _S.CANCELLED, _S.MISSED, _S.LOST, _S.SKIPPED})

_DAY_ORDER = (
    _S.SUCCEEDED,
    _S.PARTIALLY_SUCCEEDED,
    _S.FAILED,
    _S.LOST,
    _S.CANCELLED,
    _S.MISSED,
    _S.SKIPPED,
    _S.AWAITING_APPROVAL,
    _S.QUEUED,
    _S.WAITING,
    _S.RUNNING,
)


@dataclass(frozen=True, slots=True)
class DayHead:
    """Begins a day. `counts` None: not all of it is known."""

    day: date
    counts: tuple[tuple[ExecutionStatus, int], ...] | None
    #: the year is said when it is not the present one
    this_year: int

    @property
    def key(self) -> object:
        return ("day", self.day)


@dataclass(frozen=True, slots=True)
class RunRow:
    run: Execution
    now: datetime
    zone: tzinfo

    @property
    def key(self) -> object:
        return self.run.id


@dataclass(frozen=True, slots=True)
class FoldRow:
    """Scheduled runs one after the other that were all good."""

    runs: tuple[Execution, ...]
    zone: tzinfo

    @property
    def key(self) -> object:
        # the oldest stays when newer ones join
        return ("fold", self.runs[-1].id)

    @property
    def tasks(self) -> int:
        return len({(run.task_id, run.task_name) for run in self.runs})


HistoryRow = DayHead | RunRow | FoldRow


def rows_of(
    runs: Sequence[Execution],
    *,
    now: datetime,
    zone: tzinfo,
    day_counts: Mapping[date, tuple[tuple[ExecutionStatus, int], ...]],
    fold: bool = True,
    opened: frozenset[ExecutionId] = frozenset(),
) -> list[HistoryRow]:
    """Rows for runs that come newest first. `opened` names the oldest run of folds that are shown whole."""
    made: list[HistoryRow] = []
    good: list[Execution] = []
    day: date | None = None
    this_year = now.astimezone(zone).year

    def close() -> None:
        if len(good) > 1 and good[-1].id not in opened:
            made.append(FoldRow(tuple(good), zone))
        else:
            made.extend(RunRow(run, now, zone) for run in good)
        good.clear()

    for run in runs:
        its_day = run.created_at.astimezone(zone).date()
        if its_day != day:
            close()
            day = its_day
            made.append(DayHead(day, day_counts.get(day), this_year))
        if fold and is_plain(run):
            good.append(run)
        else:
            close()
            made.append(RunRow(run, now, zone))
    close()
    return made


def is_plain(run: Execution) -> bool:
    """A good run that nobody asked for by hand and that changed nothing it knows of: worth a count, not a line."""
    return run.status is _S.SUCCEEDED and run.trigger is Trigger.SCHEDULE and not run.targets.changed


def day_words(day: date, this_year: int) -> str:
    """`Tue 3 Mar`; the year when it is another one."""
    year = "" if day.year == this_year else f" {day.year}"
    return f"{day:%a} {day.day} {day:%b}{year}"


def across(row: HistoryRow, width: int, started_at: int) -> Line | None:
    """Rows that are no run, over all columns; `started_at` is the cell where the column STARTED begins."""
    match row:
        case DayHead(day, counts, this_year):
            parts: list[Span] = [span("─ ", "dim"), span(day_words(day, this_year), "bold"), span(" ─ ", "dim")]
            if counts is not None:
                total = sum(count for _, count in counts)
                parts.extend((span(f"{counted(total, 'run')}"), span(" ─ ", "dim")))
                parts.extend(count_spans(counts))
            return fit_line(tuple(parts), width)
        case FoldRow(runs, zone):
            first, last = runs[-1].created_at, runs[0].created_at
            since, until = clock(first, zone), clock(last, zone)
            tasks = f"runs of {counted(row.tasks, 'task')}"
            if row.tasks == 1:
                tasks = f"runs of {runs[0].task_name}"
            elif width < 100:
                tasks = f"of {counted(row.tasks, 'task')}"
            head = fit_line(
                line(span("   … ", "dim"), span(f"{len(runs):>6}  "), span("✓ ", "good"), span(tasks)), started_at - 2
            )
            times = since if since == until else f"{since} to {until}"
            return fit_line((*head, span("  "), span(times, "dim")), width)
        case RunRow():
            return None


def count_spans(counts: Iterable[tuple[ExecutionStatus, int]]) -> list[Span]:
    """`✓ 198  ! 1  ✗ 1`, in one order."""
    by_status = dict(counts)
    parts: list[Span] = []
    merged: dict[tuple[str, StyleName], int] = {}
    for status in _DAY_ORDER:
        if by_status.get(status):
            merged[glyph(status)] = merged.get(glyph(status), 0) + by_status[status]
    for (sign, style), count in merged.items():
        parts.extend((span(f"{sign} ", style), span(f"{count}  ")))
    return parts


# cells of a run


def _run(row: HistoryRow) -> RunRow:
    if not isinstance(row, RunRow):
        raise TypeError("days and folds are drawn across")
    return row


def glyph_cell(row: HistoryRow) -> Line:
    sign, style = glyph(_run(row).run.status)
    return (span(sign, style),)


def number_cell(row: HistoryRow) -> Line:
    return (span(f"#{_run(row).run.id}"),)


def task_cell(row: HistoryRow) -> Line:
    return (span(_run(row).run.task_name),)


def by_cell(row: HistoryRow) -> Line:
    run = _run(row).run
    return (span(run.by, "dim" if run.trigger is Trigger.SCHEDULE else ""),)


def started_cell(row: HistoryRow) -> Line:
    view = _run(row)
    at = view.run.started_at or view.run.due_at
    return (span(clock(at, view.zone, seconds=True), "" if view.run.started_at else "dim"),)


def took_cell(row: HistoryRow) -> Line:
    view = _run(row)
    return (span(took_words(view.run, view.now)),)


def took_words(run: Execution, now: datetime) -> str:
    """How long it took, or takes; "" when it did not start or nobody saw its end."""
    if run.started_at is None or (run.finished_at is None and not run.status.is_alive):
        return ""
    span_ = (run.finished_at or now) - run.started_at
    if span_ < timedelta(0):
        return ""
    return took(span_) if run.finished_at is not None else took(timedelta(seconds=int(span_.total_seconds())))


def state_cell(row: HistoryRow) -> Line:
    run = _run(row).run
    return (span(run_word(run.status), glyph(run.status)[1]),)


def targets_cell(row: HistoryRow) -> Line:
    run = _run(row).run
    return (span(done_of(run.targets, run.status.is_alive) if run.targets.total else "-"),)


def why_cell(row: HistoryRow) -> Line:
    return (span(why_words(_run(row).run)),)


def why_words(run: Execution) -> str:
    """Why it is not simply good; while it runs, how many failed so far; of a good one, what it changed."""
    if run.status is _S.WAITING:
        return f"waits for {run.wait_reason}" if run.wait_reason else ""
    if run.status.is_alive:
        bad = bad_count(run.targets)
        return f"✗ {bad} so far" if bad else ""
    return beside_counts(run.error_message) or changed_words(run.targets)


def glyph_of(run: Execution) -> StyleName:
    """The style of a run's state."""
    return glyph(run.status)[1]
