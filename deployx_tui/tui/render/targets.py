"""Targets of a run as glyphs, words, bars and counted sums. Pure."""

from __future__ import annotations

from datetime import datetime

from deployx_tui.model.execution import TargetCounts, TargetResult, TargetState
from deployx_tui.model.outcome_words import cause_word, progress_words
from deployx_tui.model.words import ended_by
from deployx_tui.tui.render.line import Line, Span, StyleName, fit_line, line, span, width_of
from deployx_tui.tui.render.progress import over_count

_S = TargetState

#: what wants a person first; the good ones last
ORDER: tuple[TargetState, ...] = (
    _S.LOST,
    _S.FAILED,
    _S.TIMED_OUT,
    _S.UNREACHABLE,
    _S.CANCELLED,
    _S.RUNNING,
    _S.WAITING,
    _S.SKIPPED,
    _S.SUCCEEDED,
)
BAD = frozenset({_S.LOST, _S.FAILED, _S.TIMED_OUT, _S.UNREACHABLE})


def why(target: TargetResult) -> str:
    """The end of a target in a few words, or how far its files are over; "" when all is well or nothing is known."""
    if target.error_message:
        return target.error_message
    if target.progress is not None:
        return progress_words(target.progress)
    if target.signal is not None:
        return ended_by(target.signal)
    if target.state is TargetState.FAILED and target.exit_code is not None:
        return f"exit {target.exit_code}"
    return "" if target.cause is None or target.state is TargetState.SUCCEEDED else cause_word(target.cause)


def took_seconds(target: TargetResult, now: datetime) -> float | None:
    """How long it ran, or runs; None: not started."""
    if target.started_at is None:
        return None
    end = target.finished_at
    if end is None:
        if target.state.is_over:
            return None  # lost: nobody saw the end
        end = now
    return max(0.0, (end - target.started_at).total_seconds())


def bad_count(counts: TargetCounts) -> int:
    return counts.failed + counts.unreachable + counts.timed_out + counts.lost


def sums(counts: TargetCounts) -> tuple[tuple[str, StyleName, int], ...]:
    """Glyph, style and count of each kind; they add up to the total."""
    return (
        ("✓", "good", counts.succeeded),
        ("✗", "bad", bad_count(counts)),
        ("▸", "run", counts.running),
        # one sign for what did not run to an end and is nobody's fault: it waits, was cancelled or skipped
        ("·", "dim", counts.waiting + counts.cancelled + counts.skipped),
    )


def done_of(counts: TargetCounts, status_is_alive: bool) -> str:
    """`18/24`: over of all while it runs, good of all afterwards."""
    return f"{over_count(counts) if status_is_alive else counts.succeeded}/{counts.total}"


def progress_line(counts: TargetCounts, width: int) -> Line:
    """` ▓▓▓▓▓▓░░░      ✓ 16    ✗ 2    ▸ 4    · 2     18/24 `: bad ones stand in the bar as such."""
    parts: list[Span] = []
    for sign, style, count in sums(counts):
        parts.extend((span(f"{sign} ", style if count else "dim"), span(f"{count:<4}", "" if count else "dim")))
    right = line(*parts, span(f"  {over_count(counts)}/{counts.total} ", "bold"))
    room = max(4, width - width_of(right) - 5)
    return fit_line((span(" "), *bar_spans(counts, room), span("    "), *right), width)


def bar_spans(counts: TargetCounts, room: int) -> tuple[Span, ...]:
    """A bar of `room` cells; each kind that has a target has at least a cell when there is room."""
    kinds: tuple[tuple[str, StyleName, int], ...] = (
        ("▓", "good", counts.succeeded),
        ("▓", "bad", bad_count(counts)),
        ("▓", "warn", counts.cancelled + counts.skipped),
        ("▒", "run", counts.running),
        ("░", "dim", counts.waiting),
    )
    total = sum(count for _, _, count in kinds)
    if total == 0:
        return (span("░" * room, "dim"),)
    sizes = [max(1, room * count // total) if count else 0 for _, _, count in kinds]
    # what rounding left over, or took too much, belongs to the largest kind
    largest = max(range(len(kinds)), key=lambda index: kinds[index][2])
    sizes[largest] = max(1, sizes[largest] + room - sum(sizes))
    return tuple(span(sign * size, style) for (sign, style, _), size in zip(kinds, sizes, strict=True) if size)
