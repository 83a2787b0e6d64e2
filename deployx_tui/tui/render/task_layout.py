"""Where the blocks of a task's detail stand: three lines, a strip of columns, a page that cuts nothing. Pure."""

from __future__ import annotations

from deployx_tui.model.words import counted
from deployx_tui.tui.render.line import BLANK, Line, StyleName, beside, line, span, spread
from deployx_tui.tui.render.payload import payload_kind, payload_text
from deployx_tui.tui.render.progress import glyph
from deployx_tui.tui.render.schedule import schedule_words
from deployx_tui.tui.render.task_detail import (
    TaskFacts,
    durations,
    last_execution,
    next_runs,
    output_lines,
    payload_lines,
    pre_flight,
)
from deployx_tui.tui.render.when import day_and_clock, took
from deployx_tui.tui.render.words import folded_values

#: lines of the last run and of its output on the page, which scrolls
PAGE_TARGETS, PAGE_OUTPUT = 14, 8
#: cells that three columns need
PAGE_COLUMNS_FROM = 100


def page(facts: TaskFacts, width: int, height: int) -> tuple[Line, ...]:
    """All of it over the whole screen, nothing cut: one block below the other where the screen is narrow, else three
    columns. As many lines as it takes, at least `height` of columns."""
    if width < PAGE_COLUMNS_FROM:
        return _stacked(facts, width - 2)
    first, second, third = _columns(width)
    columns = (
        (folded_values((*next_runs(facts, 10), BLANK, *pre_flight(facts, first)), first), first),
        (folded_values(_happened(facts, PAGE_TARGETS, PAGE_OUTPUT, second), second), second),
        (folded_values(payload_lines(facts, third), third), third),
    )
    return beside(columns, max(height, *(len(lines) for lines, _ in columns)))


def _stacked(facts: TaskFacts, width: int) -> tuple[Line, ...]:
    rows: list[Line] = []
    for block in (
        next_runs(facts, 10),
        pre_flight(facts, width),
        last_execution(facts, PAGE_TARGETS, width),
        output_lines(facts, PAGE_OUTPUT),
        durations(facts),
        payload_lines(facts, width),
    ):
        if block:
            rows.extend((*folded_values(block, width), BLANK))
    return tuple((span(" "), *row) for row in rows[:-1])


def side_by_side(facts: TaskFacts, width: int, height: int) -> tuple[Line, ...]:
    """Three columns: when, what happened, what is sent. What is too long for them is whole on the `page`."""
    first, second, third = _columns(width)
    left = (*next_runs(facts, 5), BLANK, *pre_flight(facts, first))
    middle = _happened(facts, max(4, min(9, height - 6)), 4, second)
    return beside(((left, first), (middle, second), (payload_lines(facts, third), third)), height)


def _columns(width: int) -> tuple[int, int, int]:
    """The widths of when, what happened, and what is sent."""
    first = 37
    second = min(48, max(38, (width - first - 7) // 2))
    return first, second, max(20, width - first - second - 6)


def _happened(facts: TaskFacts, targets: int, output: int, width: int) -> tuple[Line, ...]:
    """The last run with up to so many lines of targets and of output, and how long the runs before took."""
    blocks = (last_execution(facts, targets, width), output_lines(facts, output), durations(facts))
    rows: list[Line] = []
    for block in blocks:
        if block:
            rows.extend((*block, BLANK))
    return tuple(rows[:-1])


def strip(facts: TaskFacts, width: int) -> tuple[Line, ...]:
    """Three lines under the table of a narrow screen."""
    task = facts.task
    draft = task.draft
    kind = payload_kind(draft.payload).partition(",")[0]
    texts = payload_text(draft.payload, task.stock, 200)
    first = "" if not texts else "".join(part.text for part in texts[0]).strip()
    top = spread(
        line(f" {kind}  ", span(first, "bold")),
        line(f"  {schedule_words(draft.schedule)} "),
        width,
    )
    last = task.last
    if last is None or last.started_at is None:
        middle = line(span(" last      ", "dim"), span("never run", "dim"))
    else:
        mark, style = glyph(last.status)
        spent = f"  {took(last.finished_at - last.started_at)}" if last.finished_at else ""
        middle = line(
            span(" last      ", "dim"),
            f"{day_and_clock(last.started_at, facts.zone)}  ",
            span(mark, style),
            f" {last.targets.succeeded}/{last.targets.total}{spent}  ",
            span(last.why, style),
        )
    return (top, middle, _one_warning(facts))


def _one_warning(facts: TaskFacts) -> Line:
    preview = facts.preview
    if preview is None:
        return BLANK
    words: list[tuple[str, StyleName, str]] = [("✗", "bad", problem.message) for problem in preview.problems]
    words.extend(("!", "warn", warning) for warning in preview.warnings)
    if not words:
        count = len(preview.targets)
        resolve = "resolves" if count == 1 else "resolve"
        return line(span(" ✓ ", "good"), f"{counted(count, 'target')} {resolve}, nothing stands against it")
    mark, style, text = words[0]
    more = f"  (and {len(words) - 1} more)" if len(words) > 1 else ""
    return line(span(f" {mark} ", style), text, span(more, "dim"))
