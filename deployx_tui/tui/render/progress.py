"""Counts as bars and glyphs. Pure."""

from __future__ import annotations

from deployx_tui.model.execution import ExecutionStatus, TargetCounts, TargetState
from deployx_tui.tui.render.line import StyleName


def over_count(counts: TargetCounts) -> int:
    """Targets that are over, however they ended."""
    return counts.total - counts.waiting - counts.running


def bar(done: int, total: int, width: int) -> str:
    """`▓▓▓░░░░░`: full only when all are done, begun as soon as one is."""
    if total <= 0:
        return "░" * width
    filled = width * done // total
    if done > 0:
        filled = max(1, filled)
    return "▓" * filled + "░" * (width - filled)


_GLYPHS: dict[ExecutionStatus, tuple[str, StyleName]] = {
    ExecutionStatus.QUEUED: ("·", "dim"),
    ExecutionStatus.WAITING: ("·", "dim"),
    ExecutionStatus.AWAITING_APPROVAL: ("◇", "warn"),
    ExecutionStatus.RUNNING: ("▸", "run"),
    ExecutionStatus.SUCCEEDED: ("✓", "good"),
    ExecutionStatus.PARTIALLY_SUCCEEDED: ("!", "warn"),
    ExecutionStatus.FAILED: ("✗", "bad"),
    ExecutionStatus.CANCELLED: ("·", "dim"),
    ExecutionStatus.MISSED: ("!", "warn"),
    ExecutionStatus.SKIPPED: ("·", "dim"),
    ExecutionStatus.LOST: ("✗", "bad"),
}


def glyph(status: ExecutionStatus) -> tuple[str, StyleName]:
    """One cell, and its style."""
    return _GLYPHS[status]


_TARGET_GLYPHS: dict[TargetState, tuple[str, StyleName]] = {
    TargetState.WAITING: ("·", "dim"),
    TargetState.RUNNING: ("▸", "run"),
    TargetState.SUCCEEDED: ("✓", "good"),
    TargetState.FAILED: ("✗", "bad"),
    TargetState.UNREACHABLE: ("✗", "bad"),
    TargetState.TIMED_OUT: ("✗", "bad"),
    TargetState.CANCELLED: ("·", "dim"),
    TargetState.SKIPPED: ("·", "dim"),
    TargetState.LOST: ("✗", "bad"),
}


def target_glyph(state: TargetState) -> tuple[str, StyleName]:
    """One cell, and its style."""
    return _TARGET_GLYPHS[state]
